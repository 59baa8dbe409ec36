"""Files that messages carry: kept, given to Meta, loaded from Meta, shown."""
