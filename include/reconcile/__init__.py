"""Is every cent accounted for? The truth manifest and every layer of the lake, compared at one cut."""
