"""All about `gridrt::GridFusion`."""
