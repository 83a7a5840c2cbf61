"""The peer in Python: OpenCV reads the clip, pdqhash and onnxruntime judge every frame. CLIP MODEL.onnx

Prints processor milliseconds a frame of this process, without imports and the loading of the model.
"""
import json, sys, time

import cv2
import numpy as np
import onnxruntime as ort
import pdqhash

clip, model = sys.argv[1:3]
options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
# A list with one entry, as ours in the same run. Half of the bits set: nothing in the clip is near it.
entry = np.tile(np.array([0, 1], np.uint8), 128)

begin = time.process_time()
video = cv2.VideoCapture(clip, cv2.CAP_FFMPEG)
n_frames = n_matched = 0
scores = np.zeros(5)
while True:
    is_there, bgr = video.read()
    if not is_there:
        break
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    hashed, quality = pdqhash.compute(rgb)
    n_matched += int(quality >= 50 and np.count_nonzero(hashed != entry) <= 31)
    # OpenCV's own resize: cheaper than the one that the model was made for, to the peer's advantage.
    small = cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_LINEAR)
    tensor = (small.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
    scores += session.run(None, {"input": np.ascontiguousarray(tensor)})[0][0]
    n_frames += 1
ms = (time.process_time() - begin) * 1e3 / n_frames
print(json.dumps({"ms": ms, "frames": n_frames, "matched": n_matched, "mean_scores": (scores / n_frames).tolist()}))
