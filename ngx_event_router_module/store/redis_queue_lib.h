
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The keys of the queue in Redis, and the Lua that its scripts share.  Only
 * redis_queue_script.c includes it.
 *
 * All keys of a shard begin with one hash tag, PREFIX:{qN}: ("b" in the
 * scripts), so that a Redis Cluster keeps them on one node.  Q is the number
 * of an event, T a target's hash, both 16 digits in hex: equal in length, so
 * that their order as text is their order as numbers.
 *
 *     m          hash: v layout, t and w the clock, s and c the last number,
 *                g the newest configuration, for nginx that go by it (see
 *                SWEEP), b and y for the heartbeats; for what is lost: n how
 *                many entries there are, j the name of this state of the
 *                shard, p how many were there when it got that, l how many
 *                have been lost since, a how many of these somebody has told,
 *                o who is to tell the rest, and since when, and for each
 *                nginx by its number when it looked last
 *     e:Q        hash: r record, s source, u kept until, k its key is known
 *                until, l a target has it, w there is w:Q; and a field for
 *                every target: pT pending, dT dead, oT done (if it is kept)
 *     w:Q        hash: T epoch, of dead letters that were forgotten while the
 *                key of the event was known; "-": a target has the event
 *     f:T a:T    zset Q by due: without an attempt; with one, or leased
 *     k:T x:T    zset Q: all pending ones; dead ones
 *     z          zset TQ: dead ones by when they are forgotten
 *     g:T:ORDER  zset Q by accepted: waiting for each other
 *     h:HOLDER   set TQ: what it has leased
 *     v:HOLDER   TQ of the last one it got that is one crash short of poison
 *     y:HOLDERT  its last lease, for a command that is sent twice
 *     holders    zset by heartbeat
 *     nodes      zset by heartbeat: each nginx that shares the queue
 *     heard      the same, but they stay for ten minutes more
 *     known      hash: what each of those knows: gN the generation of its
 *                configuration, tN all of its T; N is a node, 16 digits
 *     t          hash: names of targets
 *     paused     hash: T since; of shard 0 only
 *     u, r:S     zset Q by end; zset Q of a source: the archive
 *     j:NAME     how many were lost with an earlier state of the shard
 *     i:T        Q as far as the pending ones of T were looked through
 *     d:KEY      Q, who put it there (32 digits), a hash of the first body (16
 *                digits, none of a version before it), and each T for which
 *                who put it there has started the event again
 *     n:NONCE    Q, who put it there
 */


#ifndef _NGX_ER_REDIS_QUEUE_LIB_H_INCLUDED_
#define _NGX_ER_REDIS_QUEUE_LIB_H_INCLUDED_


/* the state of an entry: epoch, attempts, crashes, accepted, due, holder,
   token, order, guard, command, past, name, routes; of a dead one also reason,
   died, status, answer */

#define NGX_ER_REDIS_QUEUE_LIB                                                \
    "local call, sub = redis.call, string.sub "                               \
    "local b = sub(KEYS[1], 1, -2) "                                          \
    "local time = call('TIME') "                                              \
    "local raw = time[1] * 1000 + math.floor(time[2] / 1000) "                \
    "local m = call('HMGET', KEYS[1], 'v', 't', 'w') "                        \
    "if m[1] ~= ARGV[1] then "                                                \
    "  if m[1] then return {'LAYOUT', m[1]} end "                             \
    "  call('HSET', KEYS[1], 'v', ARGV[1]) "                                  \
    "end "                                                                    \
    "local now, wall = raw, raw "                                             \
    "local last = tonumber(m[2] or 0) "                                       \
    "if raw < last then "                                                     \
    "  local gone = raw - tonumber(m[3] or raw) "                             \
    "  now = last "                                                           \
    "  if gone > 1 then now = last + math.floor(gone / 2) end "               \
    "  if gone == 1 then wall = raw - 1 end "                                 \
    "end "                                                                    \
    "local function late(seen, wait) "                                        \
    "  local n = now - tonumber(seen) "                                       \
    "  if seen == '0' then return false end "                                 \
    "  if raw < last then n = n * 2 end "                                     \
    "  return n < 0 or n >= tonumber(wait) "                                  \
    "end "                                                                    \
    "local function tick() "                                                  \
    "  call('HDEL', KEYS[1], '-') "                                           \
    "  call('HSET', KEYS[1], 't', now, 'w', wall) "                           \
    "end "                                                                    \
    "local function get(e, field) "                                           \
    "  local s = call('HGET', e, field) "                                     \
    "  return s and cmsgpack.unpack(s) "                                      \
    "end "                                                                    \
    "local function set(e, field, p) "                                        \
    "  call('HSET', e, field, cmsgpack.pack(p)) "                             \
    "end "                                                                    \
    "local function add(n) call('HINCRBY', KEYS[1], 'n', n) end "             \
    "local function class(p) "                                                \
    "  return b .. (p[1] + p[2] + p[3] == 0 and 'f:' or 'a:') "               \
    "end "                                                                    \
    "local function release(t, order) "                                       \
    "  local g = b .. 'g:' .. t .. ':' .. order "                             \
    "  while true do "                                                        \
    "    local q = call('ZRANGE', g, 0, 0)[1] "                               \
    "    if not q then return true end "                                      \
    "    local p = get(b .. 'e:' .. q, 'p' .. t) "                            \
    "    if p then "                                                          \
    "      local z = class(p) .. t "                                          \
    "      if call('ZSCORE', z, q) == 'inf' then "                            \
    "        call('ZADD', z, p[5], q) "                                       \
    "      end "                                                              \
    "      return false "                                                     \
    "    end "                                                                \
    "    call('ZREM', g, q) "                                                 \
    "  end "                                                                  \
    "end "                                                                    \
    "local function enter(t, q, p) "                                          \
    "  local due = p[5] "                                                     \
    "  if p[8] ~= '' then "                                                   \
    "    if not release(t, p[8]) then due = '+inf' end "                      \
    "    call('ZADD', b .. 'g:' .. t .. ':' .. p[8], p[4], q) "               \
    "  end "                                                                  \
    "  if p[6] ~= '' then "                                                   \
    "    call('ZADD', b .. 'a:' .. t, due, q) "                               \
    "    call('SADD', b .. 'h:' .. p[6], t .. q) "                            \
    "  else "                                                                 \
    "    call('ZADD', class(p) .. t, due, q) "                                \
    "  end "                                                                  \
    "  if call('ZADD', b .. 'k:' .. t, 0, q) == 1 then add(1) end "           \
    "  call('HSETNX', b .. 't', t, p[12]) "                                   \
    "end "                                                                    \
    "local function drop(t, q) "                                              \
    "  call('ZREM', b .. 'f:' .. t, q) "                                      \
    "  call('ZREM', b .. 'a:' .. t, q) "                                      \
    "  if call('ZREM', b .. 'k:' .. t, q) == 0 then return false end "        \
    "  add(-1) "                                                              \
    "  return true "                                                          \
    "end "                                                                    \
    "local function lost(t, q) "                                              \
    "  if drop(t, q) then call('HINCRBY', KEYS[1], 'l', 1) end "              \
    "end "                                                                    \
    "local function leave(t, q, p) "                                          \
    "  if not drop(t, q) then call('HINCRBY', KEYS[1], 'l', -1) end "         \
    "  if p[6] ~= '' then call('SREM', b .. 'h:' .. p[6], t .. q) end "       \
    "  if p[8] ~= '' then "                                                   \
    "    call('ZREM', b .. 'g:' .. t .. ':' .. p[8], q) "                     \
    "    release(t, p[8]) "                                                   \
    "  end "                                                                  \
    "end "                                                                    \
    "local function over(e) "                                                 \
    "  if call('HEXISTS', e, 'u') == 1 then return false end "                \
    "  for _, f in ipairs(call('HKEYS', e)) do "                              \
    "    if #f == 17 and (sub(f, 1, 1) == 'p' or sub(f, 1, 1) == 'd') then "  \
    "      return false "                                                     \
    "    end "                                                                \
    "  end "                                                                  \
    "  call('DEL', e) "                                                       \
    "  return true "                                                          \
    "end "                                                                    \
    "local function count(p, past) "                                          \
    "  if past == '' then return end "                                        \
    "  p[2] = p[2] + p[3] + 1 "                                               \
    "  p[3] = 0 "                                                             \
    "  p[11] = sub(p[11] .. past "                                            \
    "              .. struct.pack('>I2', math.min(p[2], 65535)), -256) "      \
    "end "                                                                    \
    "local function bury(e, t, q, p, reason, status, answer, keep) "          \
    "  local holder = p[6] "                                                  \
    "  p[6], p[14], p[15], p[16], p[17] = '', reason, now, status, answer "   \
    "  set(e, 'd' .. t, p) "                                                  \
    "  if call('ZADD', b .. 'x:' .. t, 0, q) == 1 then add(1) end "           \
    "  call('ZADD', b .. 'z', now + keep, t .. q) "                           \
    "  call('HDEL', e, 'p' .. t) "                                            \
    "  p[6] = holder "                                                        \
    "  leave(t, q, p) "                                                       \
    "end "                                                                    \
    "local function forget(e, t, q) "                                         \
    "  call('HDEL', e, 'd' .. t) "                                            \
    "  if call('ZREM', b .. 'x:' .. t, q) == 1 then add(-1) end "             \
    "  call('ZREM', b .. 'z', t .. q) "                                       \
    "end "                                                                    \
    "local function lapse(e, t, q) "                                          \
    "  local d, x = get(e, 'd' .. t), call('HMGET', e, 'k', 'l') "            \
    "  local left = tonumber(x[1] or 0) - now "                               \
    "  if d and left > 0 then "                                               \
    "    local w = b .. 'w:' .. q "                                           \
    "    call('HSET', w, t, d[1]) "                                           \
    "    if x[2] then call('HSET', w, '-', 1) end "                           \
    "    call('PEXPIRE', w, left) "                                           \
    "    call('HSET', e, 'w', 1) "                                            \
    "  end "                                                                  \
    "  forget(e, t, q) "                                                      \
    "end "                                                                    \
    "local function adopt(holder, n, crash) "                                 \
    "  local h = b .. 'h:' .. holder "                                        \
    "  local list = call('SRANDMEMBER', h, n) "                               \
    "  local done = 0 "                                                       \
    "  for _, x in ipairs(list) do "                                          \
    "    local t, q = sub(x, 1, 16), sub(x, 17) "                             \
    "    local e = b .. 'e:' .. q "                                           \
    "    local p = get(e, 'p' .. t) "                                         \
    "    if p and p[6] == holder then "                                       \
    "      p[3], p[5], p[6], p[7] = p[3] + crash, now, '', '' "               \
    "      set(e, 'p' .. t, p) "                                              \
    "      local z = class(p) "                                               \
    "      call('ZADD', z .. t, now, q) "                                     \
    "      if z ~= b .. 'a:' then call('ZREM', b .. 'a:' .. t, q) end "       \
    "      done = done + 1 "                                                  \
    "    end "                                                                \
    "    call('SREM', h, x) "                                                 \
    "  end "                                                                  \
    "  local more = call('SCARD', h) "                                        \
    "  if more == 0 then call('ZREM', b .. 'holders', holder) end "           \
    "  return done, more "                                                    \
    "end "                                                                    \
    "local function first(z) "                                                \
    "  local x = call('ZRANGE', z, 0, 0, 'WITHSCORES') "                      \
    "  if not x[1] or x[2] == 'inf' then return -1 end "                      \
    "  return tonumber(x[2]) "                                                \
    "end "                                                                    \
    "local function show(out, t, q, p, record) "                              \
    "  local n = #out "                                                       \
    "  out[n + 1], out[n + 2], out[n + 3] = t, q, p[1] "                      \
    "  out[n + 4], out[n + 5], out[n + 6] = p[2], p[3], p[4] "                \
    "  out[n + 7], out[n + 8], out[n + 9] = p[5], p[7], p[8] "                \
    "  out[n + 10], out[n + 11], out[n + 12] = p[9], p[11], p[12] "           \
    "  out[n + 13], out[n + 14], out[n + 15] = p[13], p[14] or 0, p[15] or 0 "\
    "  out[n + 16], out[n + 17] = p[16] or 0, p[17] or '' "                   \
    "  out[n + 18] = record "                                                 \
    "end "

#define NGX_ER_REDIS_QUEUE_SCAN                                               \
    "local more, at, aq = 0, ARGV[9], ARGV[10] "                              \
    "local function scan(x, field, limit, visit) "                            \
    "  local budget = tonumber(ARGV[11]) "                                    \
    "  local names = {ARGV[4]} "                                              \
    "  if ARGV[4] == '' then "                                                \
    "    names = call('HKEYS', b .. 't') "                                    \
    "    table.sort(names) "                                                  \
    "  end "                                                                  \
    "  local route = ',' .. ARGV[8] .. ',' "                                  \
    "  local from, to = tonumber(ARGV[6]), tonumber(ARGV[7]) "                \
    "  local function wanted(p) "                                             \
    "    return p[4] >= from and (to == 0 or p[4] < to) "                     \
    "      and (ARGV[8] == '' "                                               \
    "           or string.find(',' .. p[13] .. ',', route, 1, true)) "        \
    "  end "                                                                  \
    "  for _, t in ipairs(names) do "                                         \
    "    while t >= at do "                                                   \
    "      local low = t == at and '(' .. aq or '-' "                         \
    "      local page "                                                       \
    "      if ARGV[5] == '' then "                                            \
    "        page = call('ZRANGEBYLEX', b .. x .. t, low, '+', "              \
    "                    'LIMIT', 0, 100) "                                   \
    "      else "                                                             \
    "        page = {} "                                                      \
    "        if (t > at or ARGV[5] > aq) "                                    \
    "           and call('ZSCORE', b .. x .. t, ARGV[5]) "                    \
    "        then "                                                           \
    "          page[1] = ARGV[5] "                                            \
    "        end "                                                            \
    "      end "                                                              \
    "      for _, q in ipairs(page) do "                                      \
    "        if limit <= 0 or budget <= 0 then "                              \
    "          more = 1 "                                                     \
    "          return "                                                       \
    "        end "                                                            \
    "        budget = budget - 1 "                                            \
    "        local e = b .. 'e:' .. q "                                       \
    "        local p = get(e, field .. t) "                                   \
    "        if not p then "                                                  \
    "          if call('ZREM', b .. x .. t, q) == 1 then "                    \
    "            add(-1) "                                                    \
    "            call('HINCRBY', KEYS[1], 'l', 1) "                           \
    "          end "                                                          \
    "        elseif wanted(p) then "                                          \
    "          local n = visit(e, t, q, p) "                                  \
    "          if not n then "                                                \
    "            more = 1 "                                                   \
    "            return "                                                     \
    "          end "                                                          \
    "          limit = limit - n "                                            \
    "        end "                                                            \
    "        at, aq = t, q "                                                  \
    "      end "                                                              \
    "      if #page < 100 then break end "                                    \
    "    end "                                                                \
    "  end "                                                                  \
    "end "

/* ACCEPT of an event that is known: nil, it is new all the same, or what is
   returned; "was" is the hash of the first body.  What has lapsed starts anew
   among the parts, then what is dead */

#define NGX_ER_REDIS_QUEUE_REPEAT                                             \
    "local none = '0000000000000000' "                                        \
    "local function told(q, differs, list) "                                  \
    "  local out = {2, now, q, differs} "                                     \
    "  for i = 1, #list, 16 do "                                              \
    "    local t = sub(list, i, i + 15) "                                     \
    "    out[#out + 1] = t "                                                  \
    "    out[#out + 1] = call('HGET', b .. 't', t) or '' "                    \
    "  end "                                                                  \
    "  return out "                                                           \
    "end "                                                                    \
    "local function nobodys(t) "                                              \
    "  local heard = call('ZRANGE', b .. 'heard', 0, -1) "                    \
    "  for _, n in ipairs(heard) do "                                         \
    "    local s = call('HGET', b .. 'known', 't' .. n) "                     \
    "    if not s or string.find(s, t, 1, true) then return false end "       \
    "  end "                                                                  \
    "  return #heard > 0 "                                                    \
    "end "                                                                    \
    "local function put(e, q, t, p) "                                         \
    "  set(e, 'p' .. t, p) "                                                  \
    "  enter(t, q, p) "                                                       \
    "end "                                                                    \
    "local function again(q, was) "                                           \
    "  local e, w = b .. 'e:' .. q, b .. 'w:' .. q "                          \
    "  local left, dead, lapsed, list = 0, {}, {}, '' "                       \
    "  local x = call('HGETALL', w) "                                         \
    "  for i = 1, #x, 2 do lapsed[x[i]] = tonumber(x[i + 1]) end "            \
    "  for _, f in ipairs(call('HKEYS', e)) do "                              \
    "    if #f == 17 and sub(f, 1, 1) ~= 'o' then left = left + 1 end "       \
    "    if #f == 17 and sub(f, 1, 1) == 'd' then "                           \
    "      dead[#dead + 1] = sub(f, 2) "                                      \
    "    end "                                                                \
    "  end "                                                                  \
    "  if #parts > 0 and left == 0 and #x > 0 and not lapsed['-'] "           \
    "     and call('HEXISTS', e, 'l') == 0 then "                             \
    "    call('DEL', w) "                                                     \
    "    return nil "                                                         \
    "  end "                                                                  \
    "  for _, x in ipairs(parts) do "                                         \
    "    local t = x[1] "                                                     \
    "    if lapsed[t] then "                                                  \
    "      if call('HEXISTS', e, 'r') == 0 then "                             \
    "        call('HSET', e, 'r', ARGV[7], 's', ARGV[8], 'l', 1) "            \
    "      end "                                                              \
    "      put(e, q, t, {lapsed[t] + 1, 0, 0, now, now + x[3], '', '', "      \
    "                    x[2], guard, '', '', x[5], x[6]}) "                  \
    "      call('HDEL', w, t) "                                               \
    "      call('HSET', e, 'w', 1) "                                          \
    "      lapsed[t] = nil "                                                  \
    "      list = list .. t "                                                 \
    "    end "                                                                \
    "  end "                                                                  \
    "  for _, t in ipairs(dead) do "                                          \
    "    local d = get(e, 'd' .. t) "                                         \
    "    if (d[14] == 1 or d[14] == 2) and not nobodys(t) "                   \
    "       and call('HEXISTS', e, 'p' .. t) == 0 then "                      \
    "      put(e, q, t, {d[1] + 1, 0, 0, now, now, '', '', d[8], d[9], "      \
    "                    '', '', d[12], d[13]}) "                             \
    "      forget(e, t, q) "                                                  \
    "      call('HDEL', e, 'o' .. t) "                                        \
    "      list = list .. t "                                                 \
    "    end "                                                                \
    "  end "                                                                  \
    "  local differs = 0 "                                                    \
    "  if was == '' then was = none end "                                     \
    "  if body ~= none and was ~= none and body ~= was then differs = 1 end " \
    "  if list == '' then return {0, now, q, differs} end "                   \
    "  if window > 0 then "                                                   \
    "    if call('HEXISTS', e, 'k') == 0 then call('HSET', e, 'l', 1) end "   \
    "    call('HSET', e, 'k', now + window) "                                 \
    "    call('PEXPIRE', w, window) "                                         \
    "    call('SET', mark, q .. nonce .. was .. list, 'PX', window) "         \
    "  end "                                                                  \
    "  return told(q, differs, list) "                                        \
    "end "


#define NGX_ER_REDIS_QUEUE_MINE                                               \
    "local holder, token, q, t = ARGV[2], ARGV[3], ARGV[4], ARGV[5] "         \
    "local e = b .. 'e:' .. q "                                               \
    "local p = get(e, 'p' .. t) "                                             \
    "local mine = p and p[6] == holder and p[7] == token "


/* SWEEP: what was evicted, deleted from outside or is gone with a state of the
   shard that is no more; see redis_tally.c */

#define NGX_ER_REDIS_QUEUE_TALLY                                              \
    "local function find(names, list) "                                       \
    "  local seen = {} "                                                      \
    "  for i = 1, #names, 2 do seen[names[i]] = true end "                    \
    "  for i = 1, #list, 16 do "                                              \
    "    local t = sub(list, i, i + 15) "                                     \
    "    local k, x = b .. 'k:' .. t, b .. 'x:' .. t "                        \
    "    local f, a = b .. 'f:' .. t, b .. 'a:' .. t "                        \
    "    if not seen[t] and call('EXISTS', k, x, f, a) > 0 then "             \
    "      local name = '' "                                                  \
    "      for _, z in ipairs({k, f, a, x}) do "                              \
    "        local q = call('ZRANGE', z, 0, 0)[1] or '' "                     \
    "        local e = b .. 'e:' .. q "                                       \
    "        local p = get(e, 'p' .. t) or get(e, 'd' .. t) "                 \
    "        if p then name = p[12] end "                                     \
    "      end "                                                              \
    "      call('HSET', b .. 't', t, name) "                                  \
    "      names[#names + 1] = t "                                            \
    "      names[#names + 1] = name "                                         \
    "    end "                                                                \
    "  end "                                                                  \
    "end "                                                                    \
    "local function restore(t, batch) "                                       \
    "  local k, f, a = b .. 'k:' .. t, b .. 'f:' .. t, b .. 'a:' .. t "       \
    "  local due = call('ZCARD', f) + call('ZCARD', a) "                      \
    "  if due > call('ZCARD', k) then "                                       \
    "    call('ZUNIONSTORE', k, 3, k, f, a, 'WEIGHTS', 0, 0, 0) "             \
    "  end "                                                                  \
    "  if due >= call('ZCARD', k) then return 0 end "                         \
    "  local i = b .. 'i:' .. t "                                             \
    "  local from = call('GET', i) "                                          \
    "  local list = call('ZRANGEBYLEX', k, from and '(' .. from or '-', '+', "\
    "                    'LIMIT', 0, batch) "                                 \
    "  for _, q in ipairs(list) do "                                          \
    "    if not call('ZSCORE', f, q) and not call('ZSCORE', a, q) then "      \
    "      local p = get(b .. 'e:' .. q, 'p' .. t) "                          \
    "      if not p then "                                                    \
    "        lost(t, q) "                                                     \
    "      elseif p[8] == '' then "                                           \
    "        call('ZADD', class(p) .. t, p[5], q) "                           \
    "      else "                                                             \
    "        call('ZADD', class(p) .. t, '+inf', q) "                         \
    "        call('ZADD', b .. 'g:' .. t .. ':' .. p[8], p[4], q) "           \
    "        release(t, p[8]) "                                               \
    "      end "                                                              \
    "    end "                                                                \
    "  end "                                                                  \
    "  if #list < batch then "                                                \
    "    call('DEL', i) "                                                     \
    "    return 0 "                                                           \
    "  end "                                                                  \
    "  call('SET', i, list[#list], 'PX', 60000) "                             \
    "  return 1 "                                                             \
    "end "                                                                    \
    "local function former(id, n) "                                           \
    "  local j = b .. 'j:' .. id "                                            \
    "  local before = tonumber(call('GET', j) or 0) "                         \
    "  if n <= before then return 0 end "                                     \
    "  call('SET', j, n, 'PX', 86400000) "                                    \
    "  return n - before "                                                    \
    "end "                                                                    \
    "local function tally(out, node, there, heard, id, at, had, told, new) "  \
    "  local x = call('HMGET', KEYS[1], 'j', 'n', 'l', 'a', 'o', 'p') "       \
    "  local j, l, a = x[1], tonumber(x[3] or 0), tonumber(x[4] or 0) "       \
    "  local known = id ~= '0000000000000000' "                               \
    "  if j and (j ~= id or heard >= at "                                     \
    "            or (heard < 0 and now - at > 60000)) "                       \
    "  then "                                                                 \
    "    l = l + math.max(tonumber(x[2] or 0) - there, 0) "                   \
    "    if known and id ~= j then "                                          \
    "      l = l + former(id, had - tonumber(x[6] or 0)) "                    \
    "    end "                                                                \
    "    if id == j and told > a then a, x[5] = told, '' end "                \
    "  else "                                                                 \
    "    l = known and former(id, had - there) or l - a "                     \
    "    j, a, x[5] = new, 0, '' "                                            \
    "    call('HSET', KEYS[1], 'p', there) "                                  \
    "  end "                                                                  \
    "  local owner, show = x[5] or '', a "                                    \
    "  if l > a and (owner == '' or sub(owner, 1, 16) == node "               \
    "                or now - tonumber(sub(owner, 17)) >= 10000) "            \
    "  then "                                                                 \
    "    owner, show = node .. now, l "                                       \
    "  end "                                                                  \
    "  call('HSET', KEYS[1], 'j', j, 'n', there, 'l', l, 'a', a, 'o', owner) "\
    "  out[9], out[10], out[11], out[12] = j, there, a, show "                \
    "end "


#endif /* _NGX_ER_REDIS_QUEUE_LIB_H_INCLUDED_ */
