"""Pictures of products, made harmless before they are kept: SVG checked, rasters encoded anew."""
