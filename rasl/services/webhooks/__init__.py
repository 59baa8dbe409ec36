"""What happens, told to the addresses that tenants give: endpoints, deliveries of events to them, and replays."""
