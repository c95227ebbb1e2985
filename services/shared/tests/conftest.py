import logging

import structlog

# The console's tracebacks take longer than the tests.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
