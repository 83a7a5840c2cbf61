-- Hides every camera but the guarded one from programs. For WirePlumber 0.4: copy this file to
-- ~/.config/wireplumber/main.lua.d/ and streamward-hide-cameras.lua to ~/.config/wireplumber/scripts/ (or to the same
-- folders under /etc/wireplumber, where the person who is guarded cannot change them).
load_script("streamward-hide-cameras.lua")
