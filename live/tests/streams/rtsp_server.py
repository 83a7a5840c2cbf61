"""Plays a clip over RTSP to whoever asks, or takes what is sent to it. Says "ready" when it listens.

rtsp_server.py PORT play CLIP
rtsp_server.py PORT record PLACE    each of two streams in a file of its own, PLACE0.mkv and PLACE1.mkv: which of them
                                    has the picture depends on what the sender announces first
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

port, what, place = sys.argv[1:]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
if what == "play":
    factory.set_launch(
        f'( filesrc location="{place}" ! qtdemux name=d '
        "d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 "
        "d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
    )
else:
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    stream = 'parsebin name=depay{0} ! matroskamux streamable=true ! filesink buffer-mode=2 location="{1}{0}.mkv"'
    factory.set_launch("( " + " ".join(stream.format(n, place) for n in (0, 1)) + " )")
server.get_mount_points().add_factory("/clip", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
