"""The window itself: layout, menus, settings, help, and who hears whom."""
