"""`make eval-vision`: how well vision sees, measured on recordings with truth and on drawn scenes with exact truth."""
