"""What ``ccflared doctor`` looks at: the file, the daemon, and the state directory. Nothing here changes anything."""
