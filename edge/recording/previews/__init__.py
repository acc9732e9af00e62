"""What lets people find a moment in hours of video: a sheet of small pictures of each recording, a timelapse a day."""
