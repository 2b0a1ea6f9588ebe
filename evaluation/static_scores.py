"""Scores of what stands still: how well a static scene explains the static pixels of a moving video.

What is scored lies in the folder of a run. Rendering writes it, `evaluation.scoring` reads it:

    RUN/test/ours_N/renders/%05d.png           held-out views, from the poses that the predictor gave them
    RUN/test/ours_N/gt/%05d.png                their photographs, of the same size
    RUN/test/ours_N/dynamic_masks/%05d.png     8 bits, 255 = something moves, 0 = static; of the same size. A view
                                               without a file is not scored (Sintel has no label for a last frame)
    RUN/test/ours_N/dynamic_masks.json         written last, and read as the sign that the run is a dynamic one:
        {"origin": "annotation" | "predicted",   where the masks come from
         "folder": "FOLDER" | null,              of the annotation, absolute
         "views": [{"file": "00000.png", "frame": 5, "name": "00005.jpg"}, ...]}
                                                 which frame of the prediction each view is, from 0; the frame's name
    RUN/test_refined/ours_N/renders/%05d.png   optional: the same views after their poses were refined with the
                                               Gaussians frozen; same names, same photographs and masks
    RUN/prediction/                            `scene.prediction_files`: frames, masks, trajectory
    RUN/scores.json                            written by `metrics.py`: everything that is known of the sequence

Four numbers of a view, each blind to what is rendered on moving pixels:

- PSNR over the static pixels;
- SSIM: the map of two whole images, averaged over the pixels whose 11x11 window holds static pixels only; over
  all static pixels where no window does;
- LPIPS after the moving pixels of the rendering have been replaced by those of the photograph;
- the legacy PSNR and L1 of DAS3R: moving pixels of both are set to black, and the means go over all pixels, black
  ones included. With a static share p that is 10 log10(1/p) dB more than the PSNR over static pixels.
"""
