-- Continued by searchList.lua and searchTaken.lua.
--
-- Finds the id of a wanted task in a message that JavaScript (`"id":"a"`) or Python (`"id": "a"`) has written; its
-- body, in base64, has no quotes. To search for this one text costs the same for one wanted task as for many.
local function wantedId(message, wanted)
  local _, last = string.find(message, '"id":', 1, true)
  while last do
    local id = string.match(message, '^ ?"([^"]*)"', last + 1)
    if id and wanted[id] then return id end
    _, last = string.find(message, '"id":', last + 1, true)
  end
end
