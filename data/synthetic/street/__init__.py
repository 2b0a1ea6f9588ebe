"""A street with houses and traffic, and a drive through it with cameras and a lidar."""
