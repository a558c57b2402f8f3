"""Scripts for the server, in Painless: what only a look at the texts decides.

They read `said`, all passages of a chat as one string (`documents.said`). Each is a constant that
the server compiles once; what differs comes as parameters. A Java string counts in UTF-16, so
distances and lengths are counted in code points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from kchat_search.engines.opensearch.documents import (
    NEXT_PASSAGE,
    NOBODY,
    clipped,
    sender_term,
)
from kchat_search.engines.opensearch.mapping import SEPARATOR, Json
from kchat_search.engines.opensearch.openings import GUESSED, WHOLE_WEIGHT
from kchat_search.engines.ranking import (
    MEAN_MESSAGE,
    MESSAGE_B,
    POSITION_DECAY,
    SHORTEST_MESSAGE,
)
from kchat_search.meaning.codes import SIZE, WORDS
from kchat_search.models.plan import EVERYWHERE, HIDDEN_DIGIT, NO_TIME, Near

_HEAD, _WHEN, _SENDER, _TEXT, _JOINED, _CLEAR, _WHOLE = range(7)
_FARTHEST = 2**31 - 2
_PORTION = 32_768
"""So many places of a text are looked at in one go. A function of Painless may run through its
loops a million times, and a message may have more characters."""


def _script(source: str, **params: object) -> Json:
    return {"source": source, "lang": "painless", "params": params}


_PASSAGES, _PARTS = (f"(String) (char) {ord(mark)}" for mark in (NEXT_PASSAGE, SEPARATOR))
_SAID = "doc['said'].value.utf8ToString()"

_NEAR = f"""
boolean follows(String text, int end, int begin, int distance) {{
  if (begin - end <= distance) return true;
  if ((begin - end) / 2 > distance) return false;
  return text.codePointCount(end, begin) <= distance;
}}
int[] followed(String text, int[] ends, int[] begins, int length, int distance) {{
  int[] found = new int[begins.length];
  int size = 0;
  int next = 0;
  int latest = -1;
  for (int n = 0; n < begins.length; n++) {{
    int begin = begins[n];
    while (next < ends.length && ends[next] <= begin) {{
      latest = ends[next];
      next++;
    }}
    if (latest >= 0 && follows(text, latest, begin, distance)) {{
      found[size] = begin + length;
      size++;
    }}
  }}
  return first(found, size);
}}
int[] first(int[] of, int size) {{
  int[] some = new int[size];
  for (int n = 0; n < size; n++) some[n] = of[n];
  return some;
}}
int[] both(int[] one, int[] other) {{
  if (one.length == 0) return other;
  int[] all = new int[one.length + other.length];
  int size = 0;
  int n = 0;
  for (int k = 0; k < one.length; k++) {{
    while (n < other.length && other[n] < one[k]) {{ all[size] = other[n]; size++; n++; }}
    if (n < other.length && other[n] == one[k]) n++;
    all[size] = one[k];
    size++;
  }}
  while (n < other.length) {{ all[size] = other[n]; size++; n++; }}
  return first(all, size);
}}
int[] places(String text, String part) {{
  int[] found = new int[text.length()];
  int size = 0;
  int at = text.indexOf(part);
  while (at >= 0) {{
    found[size] = at;
    size++;
    at = text.indexOf(part, at + 1);
  }}
  return first(found, size);
}}
boolean chained(String text, List parts, int distance) {{
  int count = parts.size();
  for (int n = 0; n < count; n++) if (text.indexOf((String) parts.get(n)) < 0) return false;
  int[][] begins = new int[count][0];
  int[][] ends = new int[1 << count][0];
  int[] before = new int[count];
  for (int n = 0; n < count; n++) {{
    String part = parts.get(n);
    begins[n] = places(text, part);
    int[] its = new int[begins[n].length];
    for (int k = 0; k < its.length; k++) its[k] = begins[n][k] + part.length();
    for (int k = 0; k < n; k++) if (part.equals(parts.get(k))) before[n] = 1 << k;
    if (before[n] == 0) ends[1 << n] = its;
  }}
  for (int mask = 1; mask < (1 << count) - 1; mask++) {{
    if (ends[mask].length == 0) continue;
    for (int n = 0; n < count; n++) {{
      if ((mask & (1 << n)) != 0 || (mask & before[n]) != before[n]) continue;
      int length = ((String) parts.get(n)).length();
      int[] found = followed(text, ends[mask], begins[n], length, distance);
      if (found.length > 0) ends[mask | (1 << n)] = both(ends[mask | (1 << n)], found);
    }}
  }}
  return ends[(1 << count) - 1].length > 0;
}}
boolean together(String text, List parts, int distance) {{
  long longest = 2L * distance * (parts.size() - 1);
  for (int n = 0; n < parts.size(); n++) longest += ((String) parts.get(n)).length();
  int length = text.length();
  int step = (int) Math.min(length, Math.max(longest, {_PORTION}));
  for (int begin = 0; begin < length; begin += step) {{
    int end = (int) Math.min(length, begin + step + longest);
    if (chained(text.substring(begin, end), parts, distance)) return true;
    if (end == length) return false;
  }}
  return false;
}}
boolean asked(String head, String when, String sender, Map messages) {{
  if (messages.everywhere) return true;
  if (head.startsWith('{NOBODY}')) return false;
  if (messages.speaker != '' && !head.startsWith(messages.speaker)) return false;
  if (!messages.senders.isEmpty() && !messages.senders.contains(sender)) return false;
  if (!messages.timed) return true;
  if (when == '') return false;
  long said = Long.parseLong(when);
  return said >= messages.start && said < messages.end;
}}
if (doc['said'].size() == 0) return false;
String said = {_SAID};
String longest = params.texts[0];
int at = said.indexOf(longest);
while (at >= 0) {{
  int end = said.indexOf({_PASSAGES}, at);
  if (end < 0) end = said.length();
  String passage = said.substring(said.lastIndexOf({_PASSAGES}, at) + 1, end);
  at = said.indexOf(longest, end);
  String[] parts = passage.splitOnToken({_PARTS});
  String head = parts[{_HEAD}];
  if (head.indexOf('f') > 0 && !params.history) continue;
  if (!asked(head, parts[{_WHEN}], parts[{_SENDER}], params)) continue;
  String text = parts[{_TEXT}];
  if (params.form == 'whole') text = parts[{_WHOLE}];
  else if (params.form == 'clear' && head.indexOf('h') > 0) text = parts[{_CLEAR}];
  if (together(text, params.texts, params.distance)) return true;
}}
return false;
"""

_TAIL = f"""
boolean digit(String text, int at) {{
  if (at < 0 || at >= text.length()) return false;
  char c = text.charAt(at);
  return (c >= (char) '0' && c <= (char) '9') || c == (char) '{HIDDEN_DIGIT}';
}}
void look(String text, String tail, boolean number, int[] found) {{
  int at = found[0];
  for (int n = 0; n < {_PORTION} && at >= 0 && found[1] < 2; n++) {{
    if (!digit(text, at + tail.length()))
      found[1] = number && digit(text, at - 1) ? (int) Math.max(found[1], 1) : 2;
    at = text.indexOf(tail, at + 1);
  }}
  found[0] = at;
}}
int stands(String text, String tail, boolean number) {{
  int[] found = new int[2];
  found[0] = text.indexOf(tail);
  while (found[0] >= 0 && found[1] < 2) look(text, tail, number, found);
  return found[1];
}}
int best = 0;
String said = {_SAID};
int at = said.indexOf(params.tail);
while (at >= 0 && best < 2) {{
  int end = said.indexOf({_PASSAGES}, at);
  if (end < 0) end = said.length();
  String passage = said.substring(said.lastIndexOf({_PASSAGES}, at) + 1, end);
  at = said.indexOf(params.tail, end);
  String[] parts = passage.splitOnToken({_PARTS});
  if (parts[{_HEAD}].indexOf('f') > 0) continue;
  best = (int) Math.max(best, stands(parts[{_TEXT}], params.tail, params.number));
  best = (int) Math.max(best, stands(parts[{_JOINED}], params.tail, params.number));
}}
return params.bonus * best;
"""

_PROXIMITY = f"""
double heard(String text, List words, List idf) {{
  double weight = 0;
  for (int k = 0; k < words.size(); k++)
    if (text.indexOf((String) words.get(k)) >= 0) weight += ((Number) idf.get(k)).doubleValue();
  return weight;
}}
double best = 0;
int place = 0;
if (doc['said'].size() == 0) return best;
String[] passages = {_SAID}.splitOnToken({_PASSAGES});
for (int n = 0; n < passages.length; n++) {{
  String[] parts = passages[n].splitOnToken({_PARTS});
  if (parts.length == 1 || parts[{_HEAD}].indexOf('f') > 0) continue;
  String text = parts[{_TEXT}];
  double weight = heard(text, params.words, params.idf);
  if (weight > 0) {{
    int length = (int) Math.max(text.codePointCount(0, text.length()), {SHORTEST_MESSAGE});
    weight /= {1 - MESSAGE_B} + {MESSAGE_B} * (length / {float(MEAN_MESSAGE)});
    weight /= 1 + {POSITION_DECAY} * place;
    best = Math.max(best, weight);
  }}
  place++;
}}
return best;
"""


_WORD = "params.weight * _score / (_score + params.by_length * doc['length'].value + params.rest)"

_GUESS = f"""
long word(byte[] of, int at) {{
  return ((long) of[at] << 56) | ((long) (of[at + 1] & 255) << 48)
    | ((long) (of[at + 2] & 255) << 40) | ((long) (of[at + 3] & 255) << 32)
    | ((long) (of[at + 4] & 255) << 24) | ((of[at + 5] & 255) << 16)
    | ((of[at + 6] & 255) << 8) | (of[at + 7] & 255);
}}
ScriptDocValues.BytesRefs found = doc['guess'];
if (found.size() == 0) return 0.0;
BytesRef guess = found.get(0);
byte[] of = guess.bytes;
int at = guess.offset;
int end = at + guess.length;
double best = -1;
while (at < end) {{
  double weight = (((of[at] & 255) << 8) | (of[at + 1] & 255)) / {float(WHOLE_WEIGHT)};
  if (weight >= params.least) {{
    int differ = DIFFER;
    best = Math.max(best, weight * Math.cos(differ * {math.pi / SIZE}));
  }}
  at += {GUESSED.size};
}}
return 1 + best;
""".replace(
    "DIFFER",
    " + ".join(
        f"Long.bitCount(word(of, at + {2 + 8 * number}) ^ (long) params.s{number})"
        for number in range(WORDS)
    ),
)


def near(node: Near, form: str, *, history: bool) -> Json:
    """The query that is fulfilled where all texts of a node stand near one another. `form`: which
    form of a passage: «text», «whole», or «clear» (of passages that hide something)."""
    messages = node.messages
    script = _script(
        _NEAR,
        texts=sorted(node.texts, key=len, reverse=True),
        distance=max(-1, min(node.distance, _FARTHEST)),
        form=form,
        history=history,
        everywhere=messages == EVERYWHERE,
        speaker=messages.speaker[0] if messages.speaker else "",
        senders=list(map(sender_term, messages.senders)),
        timed=messages.start is not None or messages.end is not None,
        start=clipped(NO_TIME if messages.start is None else messages.start),
        end=2**62 if messages.end is None else clipped(messages.end),
    )
    return {"script": {"script": script}}


def tail(candidates: Json, text: str, bonus: float) -> Json:
    """What scores `bonus` where a literal is the end of a number, twice that where it is a whole
    one."""
    script = _script(_TAIL, tail=text, number=text[:1].isdigit(), bonus=bonus)
    return {"script_score": {"query": candidates, "script": script}}


def proximity(idf: Mapping[str, float]) -> Json:
    """The weight of a chat's best message; see `engines.ranking`."""
    return {"script": _script(_PROXIMITY, words=list(idf), idf=list(idf.values()))}


def word(field: str, term: str, weight: float, by_length: float, rest: float) -> Json:
    """What scores the BM25 of a word: `weight` × frequency / (frequency + `by_length` × words of
    the document + `rest`)."""
    script = _script(_WORD, weight=weight, by_length=by_length, rest=rest)
    return {"script_score": {"query": {"term": {field: term}}, "script": script}}


def guess(candidates: Json, signs: list[int], least: float) -> Json:
    """What scores how near a chat's openings may be to a vector with these signs: 1 more than what
    the cosine counts, so that no score is below 0. Openings that cannot count `least` are not
    looked at."""
    params = {f"s{word}": value for word, value in enumerate(signs)}
    script = _script(_GUESS, least=least, **params)
    return {"script_score": {"query": candidates, "script": script}}
