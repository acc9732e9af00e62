"""The LAN side: what a browser, an existing client program and a scraper of metrics see of the appliance."""
