import numpy as np
import viser

from scene.occupancy.meshes import exposed_mesh
from tests.scene.occupancy.streets import BUILDING, CAR, ROAD, street
from viewer.occupancy.stage import Stage


def mesh(server: viser.ViserServer, each: int) -> viser.MeshHandle:
    handle = server.scene.get_handle_by_name(f"/classes/{each}")
    assert isinstance(handle, viser.MeshHandle)
    return handle


def test_each_class_stands_where_its_voxels_are(server: viser.ViserServer) -> None:
    sequence = street()
    stage = Stage(server, sequence)
    for frame in (0, 2):
        stage.show(frame)
        expected = exposed_mesh(sequence.classes[frame], sequence.grid)
        for each in (ROAD, BUILDING, CAR):
            vertices = expected.of_class(each).vertices
            np.testing.assert_allclose(mesh(server, each).vertices, vertices, atol=0.005)
            np.testing.assert_array_equal(mesh(server, each).faces, expected.of_class(each).triangles)
        assert server.scene.get_handle_by_name("/classes/9") is None


def test_a_class_that_leaves_is_gone_and_comes_back(server: viser.ViserServer) -> None:
    sequence = street()
    sequence.classes[1][sequence.classes[1] == CAR] = 0
    stage = Stage(server, sequence)
    seen = []
    for frame in (0, 1, 2):
        stage.show(frame)
        seen.append(mesh(server, CAR).visible)
    assert seen == [True, False, True]


def test_hidden_classes_stay_hidden_over_time(server: viser.ViserServer) -> None:
    stage = Stage(server, street())
    stage.hide(CAR, True)
    stage.show(0)
    assert not mesh(server, CAR).visible
    stage.show(1)
    assert not mesh(server, CAR).visible
    assert mesh(server, ROAD).visible
    stage.hide(CAR, False)
    assert mesh(server, CAR).visible


def test_playing_on_does_not_fill_the_scene_or_the_queue(server: viser.ViserServer) -> None:
    stage = Stage(server, street())
    buffer = server._websock_server._broadcast_buffer
    stage.show(0)
    stage.show(1)
    handle, kept = mesh(server, CAR), len(buffer.message_from_id)
    for turn in range(60):
        stage.show(turn % 3)
    assert mesh(server, CAR) is handle
    assert len(buffer.message_from_id) <= kept + 12


def test_a_cleared_stage_is_empty(server: viser.ViserServer) -> None:
    stage = Stage(server, street())
    stage.show(0)
    stage.clear()
    assert all(server.scene.get_handle_by_name(f"/classes/{each}") is None for each in (ROAD, BUILDING, CAR))
    stage.show(0)
    assert mesh(server, CAR).visible
