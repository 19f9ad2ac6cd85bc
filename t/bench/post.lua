-- What wrk sends: the request of a file, as it is, but for the id of the event.
-- Signing in Lua would cost more than what is measured; Shopify does not sign
-- the id, so one signed body makes any number of different events.
--
--     wrk ... -s post.lua URL -- FILE ID
--
-- FILE has "%%ID%%" in its header.  If ID ends in "*", a serial number takes
-- the place of the star.

local head, tail, id, star
local serial = 0

function init(args)
    local f = assert(io.open(args[1], "rb"))
    local text = f:read("*a")
    f:close()

    local first, last = text:find("%%ID%%", 1, true)

    head = text:sub(1, first - 1)
    tail = text:sub(last + 1)

    star = args[2]:sub(-1) == "*"
    id = star and args[2]:sub(1, -2) or args[2]
end

function request()
    if not star then
        return head .. id .. tail
    end

    serial = serial + 1

    return head .. id .. serial .. tail
end

function done(summary, latency, requests)
    local e = summary.errors

    print(string.format("requests=%d us=%d refused=%d broken=%d p50=%d p99=%d",
                        summary.requests, summary.duration, e.status,
                        e.connect + e.read + e.write + e.timeout,
                        latency:percentile(50), latency:percentile(99)))
end
