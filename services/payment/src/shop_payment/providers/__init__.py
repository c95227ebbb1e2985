"""The payment providers: one protocol, four adapters."""
