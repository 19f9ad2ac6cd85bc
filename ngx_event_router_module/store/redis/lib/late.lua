
-- Copyright (C) Event Router contributors


-- ACCEPT and LEASE take something, so they come with the clock as their worker
-- saw it last ("seen") and how long from then on it waits, in ms.  A Redis
-- that stood still runs what has piled up when it goes on, and what nobody
-- waits for any more must change nothing, or an event is lent to who does not
-- know.  The others may come late: what became of an entry is as true as
-- before and fenced by the token, what an operator ordered is wanted still,
-- and who swept and has died since is only believed alive for one gap more.
--
-- While the clock runs at half the speed twice as much time may have gone by
-- as it shows, and so much counts.  A clock that is behind what was seen is
-- another one, so nobody knows: that is late, too.

--#include lib/queue.lua

local function late(seen, wait)
    local gone = now - tonumber(seen)

    if seen == '0' then
        return false
    end

    if raw < last then
        gone = gone * 2
    end

    return gone < 0 or gone >= tonumber(wait)
end
