-- A program sees a camera when the session gives it the permission. All but the guard lose it for raw cameras.
-- The guard is known by the name of its program: what a program of the same user says of itself is believed.

cameras = ObjectManager {
  Interest {
    type = "node",
    Constraint { "media.class", "=", "Video/Source" },
    Constraint { "node.name", "!", "streamward-guarded-camera" },
  },
}

clients = ObjectManager { Interest { type = "client" } }

function is_guard(client)
  local properties = client.properties
  -- The session's own parts keep what they need to manage cameras.
  return properties["application.process.binary"] == "streamward-guard"
    or properties["application.name"] == "streamward-guard"
    or properties["wireplumber.daemon"] == "true"
end

-- Who offers a camera has to see it.
function offers(client, camera)
  return camera.properties["client.id"] == tostring(client["bound-id"])
end

function hide(client, camera)
  if not is_guard(client) and not offers(client, camera) then
    client:update_permissions { [camera["bound-id"]] = "-" }
  end
end

cameras:connect("object-added", function(_, camera)
  for client in clients:iterate() do hide(client, camera) end
end)

clients:connect("object-added", function(_, client)
  for camera in cameras:iterate() do hide(client, camera) end
end)

cameras:activate()
clients:activate()
