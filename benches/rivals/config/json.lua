-- Reads JSON: Envoy's Lua has no module for it, and loads none that is compiled.
local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local LITERALS = { t = { "true", true }, f = { "false", false }, n = { "null", nil } }
local find, sub, byte = string.find, string.sub, string.byte
local value

local function text_at(text, at)
    local parts, from = nil, at + 1
    while true do
        local stop = find(text, '["\\]', from)
        if not stop then error("a string breaks off") end
        if byte(text, stop) == 34 then
            local last = sub(text, from, stop - 1)
            return parts and table.concat(parts) .. last or last, stop + 1
        end
        parts = parts or {}
        parts[#parts + 1] = sub(text, from, stop - 1)
        local letter = sub(text, stop + 1, stop + 1)
        if letter == "u" then
            -- kept as it is written: no name that is checked has such an escape
            parts[#parts + 1] = sub(text, stop, stop + 5)
            from = stop + 6
        else
            parts[#parts + 1] = ESCAPES[letter] or letter
            from = stop + 2
        end
    end
end

local function skip(text, at)
    return (find(text, "[^ \t\r\n]", at)) or error("the text breaks off")
end

local function members(text, at, close, is_object)
    local found, count = {}, 0
    at = skip(text, at + 1)
    if byte(text, at) == close then return found, at + 1 end
    while true do
        local name
        if is_object then
            if byte(text, at) ~= 34 then error("no name") end
            name, at = text_at(text, at)
            at = skip(text, at)
            if byte(text, at) ~= 58 then error("no colon") end
            at = skip(text, at + 1)
        else
            count = count + 1
            name = count
        end
        found[name], at = value(text, at)
        at = skip(text, at)
        local letter = byte(text, at)
        if letter == close then return found, at + 1 end
        if letter ~= 44 then error("no comma") end
        at = skip(text, at + 1)
    end
end

value = function(text, at)
    local letter = byte(text, at)
    if letter == 34 then return text_at(text, at) end
    if letter == 123 then return members(text, at, 125, true) end
    if letter == 91 then return members(text, at, 93, false) end
    local literal = LITERALS[string.char(letter)]
    if literal and sub(text, at, at + #literal[1] - 1) == literal[1] then return literal[2], at + #literal[1] end
    local _, stop = find(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", at)
    if not stop then error("no value") end
    return tonumber(sub(text, at, stop)), stop + 1
end

return function(text)
    local found, at = value(text, skip(text, 1))
    if find(text, "[^ \t\r\n]", at) then error("more than one value") end
    return found
end
