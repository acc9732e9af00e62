"""A program that writes JPEGs to its standard output, as `rpicam-vid` does.

Arguments: pictures a second, how many (0: no end), and the files to write in turns.
"""

import sys
import time
from pathlib import Path


def main(fps: str, count: str, *files: str) -> None:
    """Write the pictures; the last word goes to standard error."""
    pictures = [Path(file).read_bytes() for file in files]
    written = 0
    while not int(count) or written < int(count):
        sys.stdout.buffer.write(pictures[written % len(pictures)])
        sys.stdout.buffer.flush()
        written += 1
        time.sleep(1 / float(fps))
    sys.stderr.write("warming up\nthe sensor went away\n")
    sys.exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
