"""A catalogue to start with: products made up here, pictures drawn here, sent as anyone would."""
