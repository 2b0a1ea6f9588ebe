"""Things that furnish a world, as lists of parts that stand on z = 0 about the origin and face -y."""
