"""All about `gridrt::MultiLevelRoiAlign`."""
