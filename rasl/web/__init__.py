"""What every door that speaks HTTP stands on: context, request, envelope, forms, described answers."""
