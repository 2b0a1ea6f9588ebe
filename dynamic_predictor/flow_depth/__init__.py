"""Dense depth of what stands still, from flow and known cameras."""

from dynamic_predictor.flow_depth.estimation import FlowDepthConfig, depth_from_flow

__all__ = ["FlowDepthConfig", "depth_from_flow"]
