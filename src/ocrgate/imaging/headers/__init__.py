"""What the header of each raster format says, read without any decoder and in bounded time."""
