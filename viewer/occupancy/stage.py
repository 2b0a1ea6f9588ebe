"""What stands in the page's scene: one mesh for each class, whose corners change from frame to frame."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from scene.occupancy.classes import FREE
from scene.occupancy.meshes import BoxMesh, exposed_mesh
from scene.occupancy.sequence import Occupancy
from scene.occupancy.shading import Light

if TYPE_CHECKING:
    import viser

_REMEMBERED_FRAMES = 256
_OVERLAP = 0.01  # of a voxel
_SKY_LIGHT, _SUN_LIGHT = 1.5, 1.5


class Stage:
    """Shows frames of one sequence.

    Meshes are made once, when a class first appears, and then change their corners: a page that plays for an
    hour holds what it held after a minute.

    Args:
        server: whose scene it is.
        occupancy: the sequence.
    """

    def __init__(self, server: "viser.ViserServer", occupancy: Occupancy) -> None:
        self.occupancy = occupancy
        self.hidden: set[int] = set()
        self._server = server
        # The page's own lights are so strong that pale classes turn white.
        server.scene.configure_default_lights(enabled=False)
        server.scene.configure_environment_map(None)
        server.scene.add_light_ambient("/light/sky", intensity=_SKY_LIGHT)
        server.scene.add_light_directional("/light/sun", intensity=_SUN_LIGHT, position=Light().sun)
        self._meshes: dict[int, viser.MeshHandle] = {}
        self._frame: int | None = None
        self._mesh_of = lru_cache(_REMEMBERED_FRAMES)(self._make_mesh)

    def show(self, frame: int) -> None:
        """Put a frame into the scene; nothing is sent where it is there already."""
        if frame == self._frame:
            return
        mesh = self._mesh_of(frame)
        # A page that drew between two of these messages would show corners of one frame and faces of another.
        with self._server.atomic():
            for each in range(len(self.occupancy.class_set)):
                if each != FREE:
                    self._show_class(each, mesh.of_class(each))
        self._frame = frame

    def hide(self, each: int, hidden: bool) -> None:
        """Show or hide a class."""
        (self.hidden.add if hidden else self.hidden.discard)(each)
        if each in self._meshes:
            mesh = self._meshes[each]
            mesh.visible = not hidden and len(mesh.faces) > 0

    def clear(self) -> None:
        """Take everything out of the scene."""
        for mesh in self._meshes.values():
            mesh.remove()
        self._meshes.clear()
        self._frame = None

    def _make_mesh(self, frame: int) -> BoxMesh:
        mesh = exposed_mesh(self.occupancy.classes[frame], self.occupancy.grid)
        return mesh.overlapping(_OVERLAP * min(self.occupancy.grid.voxel_m))

    def _show_class(self, each: int, mesh: BoxMesh) -> None:
        visible = len(mesh) > 0 and each not in self.hidden
        vertices, faces = mesh.vertices, mesh.triangles.astype(np.uint32)
        if each in self._meshes:
            handle = self._meshes[each]
            handle.vertices, handle.faces, handle.visible = vertices, faces, visible
        elif len(mesh):
            self._meshes[each] = self._server.scene.add_mesh_simple(
                f"/classes/{each}",
                vertices,
                faces,
                color=self.occupancy.class_set.colours[each],
                flat_shading=True,
                visible=visible,
            )
