-- Keeps every camera but the guarded one from programs. Two things are taken from them: the sight of a raw camera, and
-- the link to it, which the session would make for a program that names it or has no wish, seen or not.
-- The guard is known by the name of its program: what a program of the same user says of itself is believed.

local GUARDED = "streamward-guarded-camera"
-- The session links a stream only with a camera of its own media type. This one is for the guard's streams.
local RAW = "Streamward/RawCamera"

clients = ObjectManager { Interest { type = "client" } }

cameras = ObjectManager {
  Interest {
    type = "node",
    Constraint { "media.class", "=", "Video/Source" },
    Constraint { "node.name", "!", GUARDED },
  },
}

-- What the session links: cameras, and the streams that take from them.
items = ObjectManager {
  Interest { type = "SiLinkable", Constraint { "media.class", "=", "Video/Source" } },
  Interest { type = "SiLinkable", Constraint { "media.class", "=", "Stream/Input/Video" } },
}

function is_guard(client)
  local properties = client and client.properties or {}
  return properties["application.process.binary"] == "streamward-guard"
    or properties["application.name"] == "streamward-guard"
end

function hide(client, camera)
  -- The session's own parts keep what they need to manage cameras, and who offers a camera has to see it.
  local is_session = client.properties["wireplumber.daemon"] == "true"
  local offers = camera.properties["client.id"] == tostring(client["bound-id"])
  if not (is_guard(client) or is_session or offers) then
    client:update_permissions { [camera["bound-id"]] = "-" }
  end
end

cameras:connect("object-added", function(_, camera)
  for client in clients:iterate() do hide(client, camera) end
end)

clients:connect("object-added", function(_, client)
  for camera in cameras:iterate() do hide(client, camera) end
end)

function media_type(properties)
  if properties["media.class"] == "Video/Source" then
    return properties["node.name"] == GUARDED and "Video" or RAW
  end
  local id = tonumber(properties["client.id"])
  local client = id and clients:lookup { Constraint { "bound-id", "=", id, type = "gobject" } }
  return is_guard(client) and RAW or "Video"
end

-- An item is told to everybody before it becomes active, and so before the session may link it.
items:connect("object-added", function(_, item)
  local properties = item.properties
  local wanted = media_type(properties)
  if properties["media.type"] == wanted then return end
  local configured = { ["item.node"] = item:get_associated_proxy("node") }
  for key, value in pairs(properties) do
    if key ~= "item.node" then configured[key] = value end
  end
  configured["media.type"] = wanted
  if not item:configure(configured) then item:remove() end
end)

clients:activate()
cameras:activate()
items:activate()
