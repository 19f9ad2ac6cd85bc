
-- Copyright (C) Event Router contributors


-- The head of every script of the queue: one script an operation of
-- store/entry.h.  command.c counts out their arguments, reply.c reads what
-- they return: one flat array, whose first element is 1 (done), 0 (declined),
-- -1 (no such entry), -2 (late), 2 (ACCEPT: started again) or LAYOUT, and
-- whose second one is Redis's clock.
--
-- A script is isolated but not rolled back.  So it appends before it marks,
-- and adds before it takes away: an event is there, and due, before its key
-- says that it is known, and a dead letter before it is pending no more.  What
-- points to nothing (an operator deleted it, Redis evicted it) is dropped when
-- it is met, counted as lost, and SWEEP says how many there were.
--
-- Every script can be sent twice.  ACCEPT knows its own nonce, LEASE its
-- token, and RETRY and BURY leave the token behind.
--
-- All keys of a shard begin with one hash tag, PREFIX:{qN}: ("base"), so that
-- a Redis Cluster keeps them on one node.  EVENT is the number of an event,
-- TARGET a target's hash, both 16 digits in hex: equal in length, so that
-- their order as text is their order as numbers.
--
--     m          hash: v layout, t and w the clock, s and c the last number,
--                g the newest configuration, for nginx that go by it (see
--                queue_sweep.lua), b and y for the heartbeats; for what is
--                lost: n how many entries there are, j the name of this state
--                of the shard, p how many were there when it got that, l how
--                many have been lost since, a how many of these somebody has
--                told, o who is to tell the rest, and since when, and for each
--                nginx by its number when it looked last; of history h the
--                bytes it has, q those it may have; i the
--                sources that are paused, one behind the other
--     e:EVENT    hash: r record, s source, u kept until, k its key is known
--                until, l a target has it, w there is w:EVENT; and a field for
--                every target: pTARGET pending, dTARGET dead, oTARGET done (if
--                it is kept): see entry.lua; v:TARGET: see version.lua
--     w:EVENT    hash: TARGET epoch, of dead letters that were forgotten while
--                the key of the event was known; "-": a target has the event
--     f:TARGET   zset EVENT by due: without an attempt
--     a:TARGET   the same: with one, or leased
--     k:TARGET   zset EVENT: all pending ones
--     x:TARGET   zset EVENT: dead ones
--     z          zset TARGET EVENT: dead ones by when they are forgotten
--     g:TARGET:ORDER  zset EVENT by accepted: waiting for each other
--     h:HOLDER   set TARGET EVENT: what it has leased
--     v:HOLDER   TARGET EVENT of the last one it got that is one crash short
--                of poison
--     y:HOLDERTARGET  its last lease, for a command that is sent twice
--     holders    zset by heartbeat
--     nodes      zset by heartbeat: each nginx that shares the queue
--     heard      the same, but they stay for ten minutes more
--     known      hash: what each of those knows: gN the generation of its
--                configuration, tN all of its targets, cN it keeps ledgers,
--                hN how long it keeps history and how many bytes of it in a
--                shard, sN all of its queued sources; N is a node, 16
--                digits
--     t          hash TARGET: names of targets
--     paused     hash TARGET since; of shard 0 only
--     held       hash SOURCE: those that were ever paused, see queue_hold.lua
--     q:SOURCE   zset TARGET EVENT of what is held by since when, see held.lua
--     c:TARGET   hash: what became of all its entries, see ledger.lua
--     u          zset EVENT by end: the archive
--     r:SOURCE   zset EVENT of a source: the archive
--     j:NAME     how many were lost with an earlier state of the shard
--     i:TARGET   EVENT as far as its pending ones were looked through
--     d:KEY      EVENT, who put it there (32 digits), a hash of the first body
--                (16 digits, none of a version before it), and each TARGET for
--                which who put it there has started the event again
--     n:NONCE    EVENT, who put it there
--     o:TARGET:KEY:KIND  the highest version that was delivered
--     s:KIND:NAME  hash: rows of the router's own by id, see shelf.lua; of
--                shard 0 only, as are the next two
--     l:KIND:NAME  zset of their ids
--     b          zset KIND:NAME:ID by when they are forgotten
--     H:EVENT    what became of it, see history.lua
--     L          zset EVENT: those that have that
--     I          zset HASH EVENT: by what they are found; HASH is 8 bytes
--
-- KEYS[1] is m, KEYS[2] is L if there is history, ARGV[1] the layout of the
-- keys, which the shard remembers.


local call, sub = redis.call, string.sub
local base = sub(KEYS[1], 1, -2)

local time = call('TIME')
local raw = time[1] * 1000 + math.floor(time[2] / 1000)
local layout, last, before, holds = unpack(call('HMGET', KEYS[1], 'v', 't',
                                                'w', 'i'))

holds = holds or ''

if layout ~= ARGV[1] then
    if layout then
        return {'LAYOUT', layout}
    end

    call('HSET', KEYS[1], 'v', ARGV[1])
end

-- The clock never runs backwards: while Redis's own is behind what it has
-- said, this one ("now") runs at half the speed.  "wall" is what Redis's own
-- has shown, for the next script.

local now, wall = raw, raw
last = tonumber(last or 0)

if raw < last then
    local gone = raw - tonumber(before or raw)

    now = last

    if gone > 1 then
        now = last + math.floor(gone / 2)
    end

    if gone == 1 then
        wall = raw - 1
    end
end

-- A number is dear to print, and this one is needed more than once

local stamp = string.format('%.0f', now)
local walled = wall == now and stamp or wall

-- A Redis that is full refuses ACCEPT and nothing else.  It looks at the first
-- command that would need memory, unless the script has written before; so all
-- others begin with this, which deletes nothing.

local function tick()
    call('HDEL', KEYS[1], '-')
    call('HSET', KEYS[1], 't', stamp, 'w', walled)
end
