"""Audio-visual sound separation and sounding-object localisation, tested and taught.

The map of the package; imports point down only, and importing ``avlib`` loads nothing heavy.

===========  ==========================================================================
``cli``      the ``avlib`` command
``apply``    a trained model on somebody's video file: separate, and the page it writes
``tables``   the papers' tables: rows as data, run and resumed, paper beside ours
``sop``      the Sound of Pixels baseline: networks, loss, recipes, evaluation
``seco``     SeCo: three kinds of sight, consistency losses, online matching, evaluation
``dsol``     DSOL, stage 1: matching sound and picture, the localiser, its losses, a trained model
``scoring``  one separated pair scored, many summed up, their record written
``data``     ``Clip``, sources, mix-and-separate, splits, stored evaluation pairs
``orchestra``  the Pocket Orchestra: generated performances with exact ground truth
``viz``      self-contained HTML players and plots for the book
``clipfolder``  the one folder layout for exported and prepared video, and its validator
``audio``    waveform to spectrogram and back, log-frequency warp, masks, mixing
``video``    frame-exact decoding, encoding, augmentation
``skeleton`` the 60 joints and their graph
``nets``     networks that several papers share
``metrics``  BSS-eval (SDR, SIR, SAR) and bootstrap intervals
``training`` ``fit``: the loop on one screen; checkpoints, exact resume, several devices
``records``  the records of results, found in a clone and in an installed package
``doctor``   ``avlib doctor``: versions, devices, codecs; OK or the fix for each
===========  ==========================================================================
"""

__version__ = "0.3.0"
