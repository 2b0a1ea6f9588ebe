"""Global alignment: the pointmaps of many frame pairs become one set of cameras, depths and confidences."""
