"""Kong's plugins that are done here: a file each, from the plugin's settings to Envoy's filters."""
