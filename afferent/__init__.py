"""The command line of Afferent; the only package that knows both the edge and the cloud. No logic lives here."""
