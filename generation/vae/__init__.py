"""The HexPlane VAE: occupancy sequences to six feature planes and back.

Source: Bian et al., "DynamicCity: Large-Scale 4D Occupancy Generation from Dynamic Scenes", 2025.
"""
