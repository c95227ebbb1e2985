"""`python -m shop_cluster` is the same as `shop-cluster`."""

import sys

from shop_cluster.cli import main

sys.exit(main())
