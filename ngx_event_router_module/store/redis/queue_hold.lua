
-- Copyright (C) Event Router contributors


-- HOLD: an operator pauses or resumes a source, or somebody asks, once a
-- second; and a part of what there is to do.  Returns {1, now, more, and for
-- each source that was ever paused itself, since when, state, how many are
-- held, its name, who did it ...}.
--
-- Shard 0 decides.  The others are told afterwards what it has said ("told":
-- rows of source, act, state, name and who), and take what is newer than what
-- they have; so who was away learns it with the next question.
--
-- A row of the hash "held" is {since, state, name, who, target, event}: the
-- last two are the place up to which the pending entries were looked through
-- for what is to be held, or was and is not in its list; LAST: all of them.

--#include lib/hold.lua
--#include lib/heard.lua

local source, wanted = ARGV[2], tonumber(ARGV[3])
local name, who, batch = ARGV[4], ARGV[5], tonumber(ARGV[6])
local told, node, generation = ARGV[7], ARGV[8], tonumber(ARGV[9])
local sources = ARGV[10]

local OVER = 0
local ON = 1
local GONE = 2
local LAST = '~'

local SINCE = 1
local STATE = 2
local SOURCE_NAME = 3
local WHO = 4
local AT = 5
local REACHED = 6

local rows, list, more = {}, {}, 0
local text = call('HGETALL', base .. 'held')

for i = 1, #text, 2 do
    list[#list + 1] = text[i]
    rows[text[i]] = cmsgpack.unpack(text[i + 1])
end

if source == '' and told == '' and sources == '' and #list == 0 then
    return {1, now, 0}
end

tick()

local function keep(id)
    call('HSET', base .. 'held', id, cmsgpack.pack(rows[id]))
end

local function put(id, since, state, noun, by)
    if not rows[id] then
        list[#list + 1] = id
    end

    rows[id] = {since, state, noun, by, '', ''}
    keep(id)
end

-- what is so already keeps its time and its operator

if source ~= '' then
    local row = rows[source]

    if (row and row[STATE] or OVER) ~= wanted then
        put(source, math.max(now, row and row[SINCE] + 1 or 0), wanted, name,
            who)
    end
end

local from = 1

while from <= #told do
    local id, since, state, noun, by, last
        = struct.unpack('c16c16BBc0Bc0', told, from)

    since = tonumber(since, 16)

    if not rows[id] or rows[id][SINCE] < since then
        put(id, since, state == ON and ON or OVER, noun, by)
    end

    from = last
end

-- A source that no nginx has, as a queued one, is resumed.  Who is heard and
-- has no list may have any.

local said = {}

local function gone(id, nodes)
    for _, other in ipairs(nodes) do
        local theirs = call('HGET', base .. 'known', 's' .. other)

        if not theirs or string.find(theirs, id, 1, true) then
            return false
        end
    end

    return #nodes > 0
end

if told == '' and sources ~= '' then
    local latest = call('HGET', base .. 'known', 'g' .. node)

    if generation >= tonumber(latest or -1) then
        if call('HGET', base .. 'known', 's' .. node) ~= sources then
            call('HSET', base .. 'known', 's' .. node, sources)
        end

        local nodes = call('ZRANGE', base .. 'heard', 0, -1)

        for _, id in ipairs(list) do
            if rows[id][STATE] == ON and gone(id, nodes) then
                put(id, math.max(now, rows[id][SINCE] + 1), OVER,
                    rows[id][SOURCE_NAME], '')
                said[id] = true
            end
        end
    end
end

local on = ''

for _, id in ipairs(list) do
    if rows[id][STATE] == ON then
        on = on .. id
    end
end

if on ~= holds then
    call('HSET', KEYS[1], 'i', on)
end

local function release(id)
    local held = call('ZRANGE', base .. 'q:' .. id, 0, batch - 1,
                      'WITHSCORES')

    for i = 1, #held, 2 do
        local target, event = sub(held[i], 1, 16), sub(held[i], 17)
        local hash = base .. 'e:' .. event
        local entry = get(hash, 'p' .. target)

        if entry and is_held(entry) then
            let_go(hash, target, event, entry, id, tonumber(held[i + 1]))
        else
            call('ZREM', base .. 'q:' .. id, held[i])
        end
    end

    if #held == 2 * batch then
        more = 1
    end
end

local function visit(id, row, target, event)
    local hash = base .. 'e:' .. event
    local entry = get(hash, 'p' .. target)

    if not entry or call('HGET', hash, 's') ~= id then
        return
    end

    if row[STATE] == ON and entry[HOLDER] == '' and not is_held(entry) then
        hold(hash, target, event, entry, id)

    elseif row[STATE] ~= ON and is_held(entry)
           and not call('ZSCORE', base .. 'q:' .. id, target .. event)
    then
        let_go(hash, target, event, entry, id, now)
    end
end

local function walk(id, row)
    local budget = batch
    local names = call('HKEYS', base .. 't')

    table.sort(names)

    for _, target in ipairs(names) do
        while target >= row[AT] do
            local low = target == row[AT] and '(' .. row[REACHED] or '-'
            local page = call('ZRANGEBYLEX', base .. 'k:' .. target, low, '+',
                              'LIMIT', 0, budget)

            for _, event in ipairs(page) do
                visit(id, row, target, event)
                row[AT], row[REACHED] = target, event
            end

            if #page < budget then
                budget = budget - #page
                break
            end

            more = 1
            return
        end
    end

    row[AT], row[REACHED] = LAST, ''
end

for _, id in ipairs(list) do
    local row = rows[id]

    if row[STATE] ~= ON then
        release(id)
    end

    if row[AT] ~= LAST then
        walk(id, row)
        keep(id)
    end
end

local out = {1, now, more}

for _, id in ipairs(list) do
    local row, n = rows[id], #out

    out[n + 1] = id
    out[n + 2] = row[SINCE]
    out[n + 3] = said[id] and GONE or row[STATE]
    out[n + 4] = call('ZCARD', base .. 'q:' .. id)
    out[n + 5] = row[SOURCE_NAME]
    out[n + 6] = row[WHO]
end

return out
