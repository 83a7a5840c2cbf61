"""Takes what is sent to it over RTSP: rtsp_recorder.py PORT PLACE. Says "ready" when it listens.

Each of two streams lands in a file of its own, PLACE0.mkv and PLACE1.mkv: which of them has the picture depends on what
the sender announces first.
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
stream = 'parsebin name=depay{0} ! matroskamux streamable=true ! filesink buffer-mode=2 location="{1}{0}.mkv"'
factory.set_launch("( " + " ".join(stream.format(n, sys.argv[2]) for n in (0, 1)) + " )")
server.get_mount_points().add_factory("/out", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
