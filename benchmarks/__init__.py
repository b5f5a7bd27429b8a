"""How fast traffic passes when no fault is on, beside other proxies on the same machine."""
