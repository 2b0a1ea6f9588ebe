"""New 4D scenes: an autoencoder of occupancy sequences (HexPlane VAE) and diffusion of its latents (DiT)."""
