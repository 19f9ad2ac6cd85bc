
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue does in Redis: one script an operation.
 * redis_queue_command.c counts out their arguments, redis_queue_reply.c reads
 * what they return: one flat array, whose first element is 1 (done), 0
 * (declined), -1 (no such entry), -2 (late) or LAYOUT, and whose second one is
 * Redis's clock.  Pure; t/redis_scripts.t drives them against a real Redis.
 *
 * A script is isolated but not rolled back.  So it appends before it marks,
 * and adds before it takes away: an event is there, and due, before its key
 * says that it is known, and a dead letter before it is pending no more.  What
 * points to nothing (an operator deleted it, Redis evicted it) is dropped when
 * it is met, counted as lost, and SWEEP says how many there were.
 *
 * A Redis that is full refuses ACCEPT and nothing else.  It looks at the first
 * command that would need memory, unless the script has written before; so all
 * others begin with HDEL of nothing.
 *
 * ACCEPT meets an event that it knows: what file_repeat.c says of it holds
 * here, too, and is one script.
 *
 * Every script can be sent twice.  ACCEPT knows its own nonce, LEASE its
 * token, and RETRY and BURY leave the token behind.
 *
 * ACCEPT and LEASE take something, so they come with the clock as their worker
 * saw it last ("seen") and how long from then on it waits, in ms.  A Redis
 * that stood still runs what has piled up when it goes on, and what nobody
 * waits for any more must change nothing, or an event is lent to who does not
 * know.  The others may come late: what became of an entry is as true as
 * before and fenced by the token, what an operator ordered is wanted still,
 * and who swept and has died since is only believed alive for one gap more.
 *
 * SWEEP buries what waits for a target that no nginx has, so each of them
 * leaves the list of its targets in Redis.  Workers of several generations
 * sweep for one nginx, and only the newest one's list is right.  Who is silent
 * is starting anew or cut off from Redis more often than it is gone, so its
 * list counts until it was not heard for long, while others were.  An nginx
 * that is heard and has no list is of a version before them; it may have any
 * target, so nothing is buried.  It goes by the newest generation of all, "g",
 * and would bury what it does not know if nobody wrote that down any more.
 *
 * The clock never runs backwards: while Redis's own is behind what it has
 * said, this one runs at half the speed.  Then twice as much time may have
 * gone by as it shows, and so much counts.  A clock that is behind what was
 * seen is another one, so nobody knows: that is late, too.
 */


#include "redis_queue.h"
#include "redis_queue_lib.h"

#include <ngx_sha1.h>


typedef struct {
    ngx_str_t              name;       /* for people and tests */
    ngx_str_t              text;
    ngx_str_t              digest;
} ngx_er_redis_script_t;


static ngx_er_redis_script_t  ngx_er_redis_queue_scripts[] = {

    /* layout, holder, token, nonce, key, window, record, source, retain,
       guard, lease, shards, shard, body, known, parts, seen, wait */

    { ngx_string("accept"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    "if late(ARGV[17], ARGV[18]) then return {-2, now} end "
    "local holder, token, nonce = ARGV[2], ARGV[3], ARGV[4] "
    "local window, retain = tonumber(ARGV[6]), tonumber(ARGV[9]) "
    "local guard, body = tonumber(ARGV[10]), ARGV[14] "
    "local parts, seen, i = {}, {}, 1 "
    "while i <= #ARGV[16] do "
    "  local t = sub(ARGV[16], i, i + 15) "
    "  local order = sub(ARGV[16], i + 16, i + 31) "
    "  local n = tonumber(sub(ARGV[16], i + 49, i + 52), 16) "
    "  local r = tonumber(sub(ARGV[16], i + 53, i + 56), 16) "
    "  if order == '0000000000000000' then order = '' end "
    "  parts[#parts + 1] = {t, order, "
    "    tonumber(sub(ARGV[16], i + 32, i + 47), 16), "
    "    sub(ARGV[16], i + 48, i + 48) == '1', "
    "    sub(ARGV[16], i + 57, i + 56 + n), "
    "    sub(ARGV[16], i + 57 + n, i + 56 + n + r)} "
    "  i = i + 57 + n + r "
    "end "
    "local mark = b .. 'n:' .. nonce "
    "if ARGV[5] ~= '' then mark = b .. 'd:' .. ARGV[5] end "
    "local old = call('GET', mark) "
    "call('HSET', KEYS[1], 't', now, 'w', wall) "
    NGX_ER_REDIS_QUEUE_REPEAT
    "if old and sub(old, 17, 48) == nonce then "
    "  local q, leased = sub(old, 1, 16), '' "
    "  if #old > 64 then return told(q, 0, sub(old, 65)) end "
    "  for _, x in ipairs(parts) do "
    "    local p = get(b .. 'e:' .. q, 'p' .. x[1]) "
    "    leased = leased "
    "      .. (p and p[6] == holder and p[7] == token and '1' or '0') "
    "  end "
    "  return {1, now, q, leased} "
    "end "
    "if old then "
    "  local out = again(sub(old, 1, 16), sub(old, 49, 64)) "
    "  if out then return out end "
    "elseif ARGV[15] == '1' then "
    "  return {0, now, none, 0} "
    "end "
    "local shards, c = tonumber(ARGV[12]), tonumber(ARGV[13]) "
    "local s = call('HMGET', KEYS[1], 's', 'c') "
    "local ms = now "
    "if tonumber(s[1] or 0) >= now then "
    "  ms, c = tonumber(s[1]), tonumber(s[2]) + shards "
    "  if c >= 1048576 then ms, c = ms + 1, tonumber(ARGV[13]) end "
    "end "
    "call('HSET', KEYS[1], 's', ms, 'c', c) "
    "local q = string.format('%011x%05x', ms, c) "
    "local e, leased = b .. 'e:' .. q, '' "
    "if #parts > 0 or retain > 0 then "
    "  call('HSET', e, 'r', ARGV[7], 's', ARGV[8]) "
    "  if ARGV[5] ~= '' then call('HSET', e, 'k', now + window) end "
    "end "
    "if retain > 0 then "
    "  call('HSET', e, 'u', now + retain) "
    "  call('ZADD', b .. 'u', now + retain, q) "
    "  call('ZADD', b .. 'r:' .. ARGV[8], 0, q) "
    "end "
    "for _, x in ipairs(parts) do "
    "  local t, p = x[1], {0, 0, 0, ms, now + x[3], '', '', x[2], "
    "    guard, '', '', x[5], x[6]} "
    "  local lease = x[4] and not seen[t] "
    "    and (x[2] == '' or release(t, x[2])) "
    "  if lease then "
    "    p[5], p[6], p[7] = now + tonumber(ARGV[11]), holder, token "
    "  end "
    "  if not seen[t] then "
    "    set(e, 'p' .. t, p) "
    "    enter(t, q, p) "
    "  end "
    "  seen[t] = true "
    "  leased = leased .. (lease and '1' or '0') "
    "end "
    "if ARGV[5] == '' then "
    "  call('SET', mark, q .. nonce, 'PX', 60000) "
    "elseif window > 0 then "
    "  call('SET', mark, q .. nonce .. body, 'PX', window) "
    "end "
    "return {1, now, q, leased} "),
    ngx_null_string },

    /* layout, holder, token, target, fresh, again, bytes, lease, given,
       seen, wait, pick, reach */

    { ngx_string("lease"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    "if late(ARGV[10], ARGV[11]) then return {-2, now} end "
    "local holder, token, t = ARGV[2], ARGV[3], ARGV[4] "
    "local size, given = 0, tonumber(ARGV[9]) "
    "local out = {1, now, -1, -1} "
    "local mark = b .. 'y:' .. holder .. t "
    "local old = call('GET', mark) "
    "tick() "
    "if old and sub(old, 1, 16) == token then "
    "  for i = 17, #old, 16 do "
    "    local q = sub(old, i, i + 15) "
    "    local p = get(b .. 'e:' .. q, 'p' .. t) "
    "    if p and p[6] == holder and p[7] == token then "
    "      show(out, t, q, p, call('HGET', b .. 'e:' .. q, 'r') or '') "
    "    end "
    "  end "
    "else "
    "  local took = {token} "
    "  local h, v, waiting = b .. 'h:' .. holder, b .. 'v:' .. holder, 0 "
    "  local function alone(e, q, p) "
    "    if p[3] + (p[6] ~= '' and 1 or 0) ~= 2 then return true end "
    "    local x = call('GET', v) "
    "    if not x or x == t .. q or call('SISMEMBER', h, x) == 0 then "
    "      call('SET', v, t .. q, 'PX', 3600000) "
    "      return true "
    "    end "
    "    waiting = waiting + 1 "
    "    p[5] = now + waiting * 100 "
    "    set(e, 'p' .. t, p) "
    "    call('ZADD', b .. 'a:' .. t, p[5], q) "
    "  end "
    "  local function choose(z) "
    "    local best, least "
    "    local top = ARGV[12] == '2' and '(+inf' or now "
    "    for _, q in ipairs(call('ZRANGEBYSCORE', z, '-inf', top, "
    "                            'LIMIT', 0, 64)) do "
    "      local p = get(b .. 'e:' .. q, 'p' .. t) "
    "      if p and (p[6] == '' or p[5] <= now) then "
    "        local tries = p[2] + p[3] "
    "        if not best or tries < least "
    "           or tries == least and q < best then "
    "          best, least = q, tries "
    "        end "
    "      end "
    "    end "
    "    return best and {best} "
    "  end "
    "  local function due(z, n, reach) "
    "    local top = now "
    "    local function ask(c, x, y, n, ...) "
    "      return call(c, z, x, y, 'LIMIT', 0, n, ...) "
    "    end "
    "    if reach == 0 then return ask('ZRANGEBYSCORE', '-inf', now, n) end "
    "    if reach < 1024 then "
    "      local x = ask('ZRANGEBYSCORE', '-inf', now, 1, 'WITHSCORES') "
    "      local y = ask('ZREVRANGEBYSCORE', now, '-inf', 1, 'WITHSCORES') "
    "      if x[2] then "
    "        top = x[2] + math.floor((y[2] - x[2]) * reach / 1024) "
    "      end "
    "    end "
    "    top = string.format('%.0f', top) "
    "    return ask('ZREVRANGEBYSCORE', top, '-inf', n) "
    "  end "
    "  local function take(z, n, list) "
    "    if n <= 0 then return end "
    "    for _, q in ipairs(list) do "
    "      local e = b .. 'e:' .. q "
    "      local p = get(e, 'p' .. t) "
    "      if not p then "
    "        lost(t, q) "
    "      elseif alone(e, q, p) then "
    "        size = size + call('HSTRLEN', e, 'r') "
    "        if given > 0 and size > tonumber(ARGV[7]) then return end "
    "        given = given + 1 "
    "        if p[6] ~= '' then "
    "          call('SREM', b .. 'h:' .. p[6], t .. q) "
    "          p[3] = p[3] + 1 "
    "        end "
    "        p[5], p[6], p[7] = now + tonumber(ARGV[8]), holder, token "
    "        set(e, 'p' .. t, p) "
    "        call('ZADD', b .. 'a:' .. t, p[5], q) "
    "        call('ZREM', b .. 'f:' .. t, q) "
    "        call('SADD', b .. 'h:' .. holder, t .. q) "
    "        took[#took + 1] = q "
    "        show(out, t, q, p, call('HGET', e, 'r') or '') "
    "      end "
    "    end "
    "  end "
    "  local a, f = b .. 'a:' .. t, b .. 'f:' .. t "
    "  local n, m = tonumber(ARGV[5]), tonumber(ARGV[6]) "
    "  local pick, reach = ARGV[12], tonumber(ARGV[13]) "
    "  if pick == '0' then "
    "    take(a, m, due(a, m, 0)) "
    "  elseif pick ~= '3' and m > 0 then "
    "    take(a, m, choose(a) or due(a, m, 0)) "
    "  end "
    "  take(f, n, due(f, n, reach)) "
    "  if pick == '3' then "
    "    take(f, m, due(f, m, reach == 0 and 1024 or 0)) "
    "  end "
    "  if #took > 1 then "
    "    call('SET', mark, table.concat(took), 'PX', 60000) "
    "  end "
    "end "
    "out[3], out[4] = first(b .. 'f:' .. t), first(b .. 'a:' .. t) "
    "return out "),
    ngx_null_string },

    /* layout, holder, token, event, target, lease */

    { ngx_string("extend"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_MINE
    "if not mine then return {p and 0 or -1, now} end "
    "tick() "
    "p[5] = now + tonumber(ARGV[6]) "
    "set(e, 'p' .. t, p) "
    "call('ZADD', b .. 'a:' .. t, p[5], q) "
    "return {1, now} "),
    ngx_null_string },

    /* layout, holder, token, event, target */

    { ngx_string("settle"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_MINE
    "if not p then drop(t, q) end "
    "if not mine then return {p and 0 or -1, now} end "
    "tick() "
    "local x = call('HMGET', e, 'u', 'k', 'l', 'w') "
    "if x[1] then set(e, 'o' .. t, {p[1], p[10]}) end "
    "call('HDEL', e, 'p' .. t) "
    "leave(t, q, p) "
    "if x[4] and call('EXISTS', b .. 'w:' .. q) == 1 then "
    "  call('HSET', b .. 'w:' .. q, '-', 1) "
    "end "
    "if not over(e) and x[2] and not x[3] then call('HSET', e, 'l', 1) end "
    "return {1, now} "),
    ngx_null_string },

    /* layout, holder, token, event, target, delay, past */

    { ngx_string("retry"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_MINE
    "if not mine then "
    "  if not p then lost(t, q) end "
    "  if p and p[6] == '' and p[7] == token then return {1, now} end "
    "  return {p and 0 or -1, now} "
    "end "
    "tick() "
    "count(p, ARGV[7]) "
    "p[5], p[6] = now + tonumber(ARGV[6]), '' "
    "set(e, 'p' .. t, p) "
    "local z = class(p) "
    "call('ZADD', z .. t, p[5], q) "
    "if z ~= b .. 'a:' then call('ZREM', b .. 'a:' .. t, q) end "
    "call('SREM', b .. 'h:' .. holder, t .. q) "
    "if call('ZADD', b .. 'k:' .. t, 0, q) == 1 then "
    "  add(1) "
    "  call('HINCRBY', KEYS[1], 'l', -1) "
    "end "
    "return {1, now} "),
    ngx_null_string },

    /* layout, holder, token, event, target, past, reason, status, answer,
       keep */

    { ngx_string("bury"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_MINE
    "if not mine then "
    "  local d = get(e, 'd' .. t) "
    "  if d and d[7] == token then return {1, now} end "
    "  if not p then lost(t, q) end "
    "  return {p and 0 or -1, now} "
    "end "
    "tick() "
    "count(p, ARGV[6]) "
    "bury(e, t, q, p, tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], "
    "     tonumber(ARGV[10])) "
    "return {1, now} "),
    ngx_null_string },

    /* layout, holder, batch, crash */

    { ngx_string("adopt"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    "tick() "
    "local done, more = adopt(ARGV[2], tonumber(ARGV[3]), "
    "                         tonumber(ARGV[4])) "
    "return {1, now, done, more} "),
    ngx_null_string },

    /* layout, holder, gap, generation, keep, known, batch, node, silent,
       state, stamp, had, told, new */

    { ngx_string("sweep"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_TALLY
    "local holder, gap = ARGV[2], tonumber(ARGV[3]) "
    "local batch, more, adopted = tonumber(ARGV[7]), 0, 0 "
    "tick() "
    "call('ZADD', b .. 'holders', now, holder) "
    "if ARGV[8] == '0000000000000000' then "
    "  return {1, now, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0} "
    "end "
    "local stamp = tonumber(call('HGET', KEYS[1], ARGV[8]) or -1) "
    "call('HSET', KEYS[1], ARGV[8], now) "
    "call('ZADD', b .. 'nodes', now, ARGV[8]) "
    "call('ZREMRANGEBYSCORE', b .. 'nodes', '-inf', now - gap / 3) "
    "local nodes = call('ZRANGE', b .. 'nodes', 0, -1, 'WITHSCORES') "
    "for i = 1, #nodes, 2 do "
    "  call('ZADD', b .. 'heard', nodes[i + 1], nodes[i]) "
    "end "
    "local x = call('HMGET', KEYS[1], 'b', 'y', 'g') "
    "local quiet = tonumber(x[2] or now) "
    "if not x[1] or now - tonumber(x[1]) > gap / 3 then quiet = now end "
    "call('HSET', KEYS[1], 'b', now, 'y', quiet) "
    "if now - quiet >= gap then "
    "  for _, h in ipairs(call('ZRANGEBYSCORE', b .. 'holders', '-inf', "
    "                          now - gap, 'LIMIT', 0, 8)) do "
    "    local done, rest = adopt(h, batch, 1) "
    "    adopted = adopted + done "
    "    if rest > 0 then more = 1 end "
    "  end "
    "end "
    "local silent = now - tonumber(ARGV[9]) "
    "if quiet <= silent then "
    "  for _, n in ipairs(call('ZRANGEBYSCORE', b .. 'heard', '-inf', "
    "                          silent)) do "
    "    call('HDEL', b .. 'known', 'g' .. n, 't' .. n) "
    "    call('ZREM', b .. 'heard', n) "
    "    call('HDEL', KEYS[1], n) "
    "  end "
    "end "
    "local list = call('ZRANGEBYSCORE', b .. 'u', '-inf', now, "
    "                  'LIMIT', 0, batch) "
    "if #list == batch then more = 1 end "
    "for _, q in ipairs(list) do "
    "  local e = b .. 'e:' .. q "
    "  local s = call('HGET', e, 's') "
    "  if s then call('ZREM', b .. 'r:' .. s, q) end "
    "  call('ZREM', b .. 'u', q) "
    "  call('HDEL', e, 'u') "
    "  over(e) "
    "end "
    "list = call('ZRANGEBYSCORE', b .. 'z', '-inf', now, 'LIMIT', 0, batch) "
    "if #list == batch then more = 1 end "
    "for _, z in ipairs(list) do "
    "  local t, q = sub(z, 1, 16), sub(z, 17) "
    "  lapse(b .. 'e:' .. q, t, q) "
    "  over(b .. 'e:' .. q) "
    "end "
    "local names = call('HGETALL', b .. 't') "
    "find(names, ARGV[6]) "
    "local known = {} "
    "for i = 1, #ARGV[6], 16 do known[sub(ARGV[6], i, i + 15)] = true end "
    "local g = tonumber(ARGV[4]) "
    "if g > tonumber(x[3] or 0) then call('HSET', KEYS[1], 'g', ARGV[4]) end "
    "local own = tonumber(call('HGET', b .. 'known', 'g' .. ARGV[8]) or -1) "
    "if g > own then "
    "  call('HSET', b .. 'known', 'g' .. ARGV[8], ARGV[4], "
    "       't' .. ARGV[8], ARGV[6]) "
    "end "
    "local heard = call('ZRANGE', b .. 'heard', 0, -1) "
    "local function nobodys(t) "
    "  if g < own or ARGV[6] == '' or known[t] then return false end "
    "  for _, n in ipairs(heard) do "
    "    local s = call('HGET', b .. 'known', 't' .. n) "
    "    if not s or string.find(s, t, 1, true) then return false end "
    "  end "
    "  return true "
    "end "
    "local used, size, evicts = 0, 0, 0 "
    "local info = redis.pcall('INFO', 'memory') "
    "if type(info) == 'string' then "
    "  used = tonumber(string.match(info, 'used_memory:(%d+)') or 0) "
    "  size = tonumber(string.match(info, 'maxmemory:(%d+)') or 0) "
    "  local policy = string.match(info, 'maxmemory_policy:(%a+)') "
    "  evicts = policy and ({noeviction = 1, volatile = 2})[policy] or 3 "
    "  if not policy then evicts = 0 end "
    "end "
    "local out = {1, now, 0, adopted, used, size, #nodes / 2, 0, "
    "             '', 0, 0, 0, evicts} "
    "local there = 0 "
    "for i = 1, #names, 2 do "
    "  local t = names[i] "
    "  local k = b .. 'k:' .. t "
    "  local x = b .. 'x:' .. t "
    "  if restore(t, batch) == 1 then more = 1 end "
    "  local pending, dead = call('ZCARD', k), call('ZCARD', x) "
    "  local removed = (pending > 0 or dead == 0) and nobodys(t) "
    "  if removed then "
    "    list = call('ZRANGE', k, 0, batch - 1) "
    "    local done = 0 "
    "    for _, q in ipairs(list) do "
    "      local e = b .. 'e:' .. q "
    "      local p = get(e, 'p' .. t) "
    "      if not p then "
    "        lost(t, q) "
    "      elseif p[6] == '' or p[5] <= now then "
    "        bury(e, t, q, p, 5, 0, '', tonumber(ARGV[5])) "
    "        done = done + 1 "
    "      end "
    "    end "
    "    out[8] = out[8] + done "
    "    if #list == batch and done > 0 then more = 1 end "
    "    pending, dead = call('ZCARD', k), call('ZCARD', x) "
    "  end "
    "  there = there + pending + dead "
    "  local oldest, low = -1, 0 "
    "  while low < 64 do "
    "    local q = call('ZRANGE', k, low, low)[1] "
    "    if not q then break end "
    "    if oldest >= 0 and tonumber(sub(q, 1, 11), 16) >= oldest then "
    "      break "
    "    end "
    "    local p = get(b .. 'e:' .. q, 'p' .. t) "
    "    if p and (oldest < 0 or p[4] < oldest) then oldest = p[4] end "
    "    low = low + 1 "
    "  end "
    "  if pending + dead == 0 and removed then "
    "    call('HDEL', b .. 't', t) "
    "  else "
    "    local n = #out "
    "    out[n + 1], out[n + 2], out[n + 3] = t, pending, dead "
    "    out[n + 4] = oldest "
    "    out[n + 5] = first(b .. 'f:' .. t) "
    "    out[n + 6] = first(b .. 'a:' .. t) "
    "    out[n + 7] = names[i + 1] "
    "  end "
    "end "
    "out[3] = more "
    "tally(out, ARGV[8], there, stamp, ARGV[10], tonumber(ARGV[11]), "
    "      tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14]) "
    "return out "),
    ngx_null_string },

    /* layout, -, limit, target, event, from, to, route, after, after,
       budget, dead, records, bytes */

    { ngx_string("list"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_SCAN
    "local out, size = {1, now, 0, '', ''}, 0 "
    "local dead, records = ARGV[12] == '1', ARGV[13] == '1' "
    "scan(dead and 'x:' or 'k:', dead and 'd' or 'p', tonumber(ARGV[3]), "
    "function(e, t, q, p) "
    "  if records then "
    "    local n = call('HSTRLEN', e, 'r') "
    "    if size > 0 and size + n > tonumber(ARGV[14]) then return nil end "
    "    size = size + n "
    "  end "
    "  show(out, t, q, p, records and call('HGET', e, 'r') or '') "
    "  return 1 "
    "end) "
    "out[3], out[4], out[5] = more, at, aq "
    "return out "),
    ngx_null_string },

    /* layout, command, limit, target, event, from, to, route, after, after,
       budget, archive, source, to, name, routes, order, delay */

    { ngx_string("replay"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_SCAN
    "local command, done = ARGV[2], 0 "
    "tick() "
    "local function again(e, t, q, d) "
    "  local old = get(e, 'd' .. t) "
    "  local o = get(e, 'o' .. t) "
    "  local p = {1, 0, 0, now, now + tonumber(ARGV[18]), '', '', ARGV[17], "
    "             0, command, '', ARGV[15], ARGV[16]} "
    "  if old then "
    "    p[1], p[8], p[9], p[12], p[13] = old[1] + 1, old[8], old[9], "
    "                                     old[12], old[13] "
    "  elseif o then "
    "    p[1] = o[1] + 1 "
    "  elseif d then "
    "    p[1], p[9] = d[1] + 1, d[9] "
    "    if p[13] == '' then p[13] = d[13] end "
    "  end "
    "  set(e, 'p' .. t, p) "
    "  enter(t, q, p) "
    "  if old then forget(e, t, q) end "
    "  call('HDEL', e, 'o' .. t) "
    "end "
    "local function fit(e, t) "
    "  local p = get(e, 'p' .. t) "
    "  local d = get(e, 'd' .. t) "
    "  local o = get(e, 'o' .. t) "
    "  return not p and not (d and d[10] == command) "
    "         and not (o and o[2] == command) "
    "end "
    "if ARGV[12] == '1' then "
    "  local t, r = ARGV[14], b .. 'r:' .. ARGV[13] "
    "  local budget, limit = tonumber(ARGV[11]), tonumber(ARGV[3]) "
    "  local from, to = tonumber(ARGV[6]), tonumber(ARGV[7]) "
    "  local low = at == t and '(' .. aq or '-' "
    "  local list = call('ZRANGEBYLEX', r, low, '+', 'LIMIT', 0, budget) "
    "  if #list == budget then more = 1 end "
    "  for _, q in ipairs(list) do "
    "    local ms = tonumber(sub(q, 1, 11), 16) "
    "    local e = b .. 'e:' .. q "
    "    if done >= limit then "
    "      more = 1 "
    "      break "
    "    end "
    "    if (ARGV[5] == '' or ARGV[5] == q) "
    "       and ms >= from and (to == 0 or ms < to) "
    "       and call('HEXISTS', e, 'r') == 1 and fit(e, t) "
    "    then "
    "      again(e, t, q, nil) "
    "      done = done + 1 "
    "    end "
    "    at, aq = t, q "
    "  end "
    "else "
    "  scan('x:', 'd', tonumber(ARGV[3]), function(e, t, q, d) "
    "    if d[10] == command then return 0 end "
    "    local r = ARGV[14] == '' and t or ARGV[14] "
    "    if r == t or fit(e, r) then "
    "      again(e, r, q, d) "
    "    end "
    "    if r ~= t then "
    "      forget(e, t, q) "
    "      over(e) "
    "    end "
    "    done = done + 1 "
    "    return 1 "
    "  end) "
    "end "
    "return {1, now, more, at, aq, done} "),
    ngx_null_string },

    /* layout, -, limit, target, event, from, to, route, after, after,
       budget */

    { ngx_string("purge"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    NGX_ER_REDIS_QUEUE_SCAN
    "local done = 0 "
    "tick() "
    "scan('x:', 'd', tonumber(ARGV[3]), function(e, t, q, d) "
    "  lapse(e, t, q) "
    "  over(e) "
    "  done = done + 1 "
    "  return 1 "
    "end) "
    "return {1, now, more, at, aq, done} "),
    ngx_null_string },

    /* layout, target or "", held */

    { ngx_string("pause"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    "if ARGV[2] ~= '' then "
    "  tick() "
    "  if ARGV[3] == '1' then "
    "    call('HSET', b .. 'paused', ARGV[2], now) "
    "  else "
    "    call('HDEL', b .. 'paused', ARGV[2]) "
    "  end "
    "end "
    "local out = {1, now} "
    "for _, t in ipairs(call('HKEYS', b .. 'paused')) do "
    "  out[#out + 1] = t "
    "end "
    "return out "),
    ngx_null_string },

    /* layout */

    { ngx_string("check"), ngx_string(
    NGX_ER_REDIS_QUEUE_LIB
    "return {1, now} "),
    ngx_null_string }
};


#define NGX_ER_REDIS_QUEUE_SCRIPTS                                            \
    (sizeof(ngx_er_redis_queue_scripts)                                       \
     / sizeof(ngx_er_redis_queue_scripts[0]))

/* constant after the first call of ngx_er_redis_queue_sha1() */

static u_char  ngx_er_redis_queue_hexes[NGX_ER_REDIS_QUEUE_SCRIPTS][40];


ngx_str_t *
ngx_er_redis_queue_script(ngx_uint_t n, ngx_str_t *name)
{
    if (n >= NGX_ER_REDIS_QUEUE_SCRIPTS) {
        return NULL;
    }

    *name = ngx_er_redis_queue_scripts[n].name;

    return &ngx_er_redis_queue_scripts[n].text;
}


ngx_str_t *
ngx_er_redis_queue_digest(ngx_uint_t n)
{
    return &ngx_er_redis_queue_scripts[n].digest;
}


void
ngx_er_redis_queue_sha1(void)
{
    u_char       sum[20];
    ngx_str_t   *digest, *script;
    ngx_sha1_t   sha1;
    ngx_uint_t   i;

    for (i = 0; i < NGX_ER_REDIS_QUEUE_SCRIPTS; i++) {
        script = &ngx_er_redis_queue_scripts[i].text;

        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, script->data, script->len);
        ngx_sha1_final(sum, &sha1);

        (void) ngx_hex_dump(ngx_er_redis_queue_hexes[i], sum, 20);

        digest = &ngx_er_redis_queue_scripts[i].digest;
        digest->data = ngx_er_redis_queue_hexes[i];
        digest->len = 40;
    }
}
