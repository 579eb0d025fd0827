"""Open the page: python app.py [--model FOLDER_OR_HUB_ID] [--artifact FOLDER] [--host HOST] [--port PORT].

The same as `mars-lens page` where the package is installed.
"""

import sys

from app.__main__ import page

if __name__ == "__main__":
    sys.exit(page(prog="app.py"))
