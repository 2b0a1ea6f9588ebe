"""The part of the Waymo Open Dataset's messages that is used, by their published field numbers.

Source: `dataset.proto` and `label.proto` of the Waymo Open Dataset (v1).
"""

from scene.datasets.waymo.wire import Field, Message

TRANSFORM = Message("Transform", {"transform": Field(1, "double", repeated=True)})

CAMERA_CALIBRATION = Message(
    "CameraCalibration",
    {
        "name": Field(1, "int"),
        "intrinsic": Field(2, "double", repeated=True),
        "extrinsic": Field(3, TRANSFORM),
        "width": Field(4, "int"),
        "height": Field(5, "int"),
        "rolling_shutter_direction": Field(6, "int"),
    },
)

LASER_CALIBRATION = Message(
    "LaserCalibration",
    {
        "name": Field(1, "int"),
        "beam_inclinations": Field(2, "double", repeated=True),
        "beam_inclination_min": Field(3, "double"),
        "beam_inclination_max": Field(4, "double"),
        "extrinsic": Field(5, TRANSFORM),
    },
)

OBJECT_COUNT = Message("ObjectCount", {"type": Field(1, "int"), "count": Field(2, "int")})

STATS = Message(
    "Stats",
    {
        "laser_object_counts": Field(1, OBJECT_COUNT, repeated=True),
        "time_of_day": Field(2, "string"),
        "location": Field(3, "string"),
        "weather": Field(4, "string"),
    },
)

CONTEXT = Message(
    "Context",
    {
        "name": Field(1, "string"),
        "camera_calibrations": Field(2, CAMERA_CALIBRATION, repeated=True),
        "laser_calibrations": Field(3, LASER_CALIBRATION, repeated=True),
        "stats": Field(4, STATS),
    },
)

CAMERA_SEGMENTATION = Message(
    "CameraSegmentationLabel",
    {"panoptic_label_divisor": Field(1, "int"), "panoptic_label": Field(2, "bytes")},
)

CAMERA_IMAGE = Message(
    "CameraImage",
    {
        "name": Field(1, "int"),
        "image": Field(2, "bytes"),
        "pose": Field(3, TRANSFORM),
        "pose_timestamp": Field(5, "double"),
        "shutter": Field(6, "double"),
        "camera_trigger_time": Field(7, "double"),
        "camera_readout_done_time": Field(8, "double"),
        "camera_segmentation_label": Field(10, CAMERA_SEGMENTATION),
    },
)

RANGE_IMAGE = Message(
    "RangeImage",
    {
        "range_image_compressed": Field(2, "bytes"),
        "range_image_pose_compressed": Field(4, "bytes"),
        "range_image_flow_compressed": Field(5, "bytes"),
    },
)

LASER = Message("Laser", {"name": Field(1, "int"), "ri_return1": Field(2, RANGE_IMAGE)})

BOX = Message(
    "Box",
    {
        "center_x": Field(1, "double"),
        "center_y": Field(2, "double"),
        "center_z": Field(3, "double"),
        "width": Field(4, "double"),
        "length": Field(5, "double"),
        "height": Field(6, "double"),
        "heading": Field(7, "double"),
    },
)

METADATA = Message("Metadata", {"speed_x": Field(1, "double"), "speed_y": Field(2, "double")})

LABEL = Message(
    "Label",
    {
        "box": Field(1, BOX),
        "metadata": Field(2, METADATA),
        "type": Field(3, "int"),
        "id": Field(4, "string"),
        "num_lidar_points_in_box": Field(7, "int"),
        "num_top_lidar_points_in_box": Field(13, "int"),
    },
)

FRAME = Message(
    "Frame",
    {
        "context": Field(1, CONTEXT),
        "timestamp_micros": Field(2, "int"),
        "pose": Field(3, TRANSFORM),
        "images": Field(4, CAMERA_IMAGE, repeated=True),
        "lasers": Field(5, LASER, repeated=True),
        "laser_labels": Field(6, LABEL, repeated=True),
    },
)

MATRIX_SHAPE = Message("MatrixShape", {"dims": Field(1, "int", repeated=True)})

MATRIX_FLOAT = Message(
    "MatrixFloat", {"data": Field(1, "float", repeated=True, packed=True), "shape": Field(2, MATRIX_SHAPE)}
)
