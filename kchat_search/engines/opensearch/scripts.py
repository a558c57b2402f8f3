"""Scripts for the server, in Painless: what only a look at the texts decides.

They read `said`, all passages of a chat as one string (`documents.said`). Each is a constant that
the server compiles once; what differs comes as parameters. A Java string counts in UTF-16, so
distances and lengths are counted in code points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from kchat_search.engines.opensearch.documents import (
    NEXT_FRAGMENT,
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


def _script(source: str, **params: object) -> Json:
    return {"source": source, "lang": "painless", "params": params}


_PASSAGES, _PARTS, _FRAGMENTS = (
    f"(String) (char) {ord(mark)}" for mark in (NEXT_PASSAGE, SEPARATOR, NEXT_FRAGMENT)
)
_SAID = "doc['said'].value.utf8ToString()"

_NEAR = f"""
boolean follows(String text, int end, int begin, int distance) {{
  if (begin - end <= distance) return true;
  if ((begin - end) / 2 > distance) return false;
  return text.codePointCount(end, begin) <= distance;
}}
List followed(String text, List ends, List begins, int length, int distance) {{
  List found = new ArrayList();
  int next = 0;
  int latest = -1;
  for (int n = 0; n < begins.size(); n++) {{
    int begin = begins.get(n);
    while (next < ends.size() && (int) ends.get(next) <= begin) {{
      latest = ends.get(next);
      next++;
    }}
    if (latest >= 0 && follows(text, latest, begin, distance)) found.add(begin + length);
  }}
  return found;
}}
List places(String text, String part) {{
  List found = new ArrayList();
  int at = text.indexOf(part);
  while (at >= 0) {{ found.add(at); at = text.indexOf(part, at + 1); }}
  return found;
}}
boolean together(String text, List parts, int distance) {{
  int count = parts.size();
  List begins = new ArrayList();
  Map chains = new HashMap();
  for (int n = 0; n < count; n++) {{
    String part = parts.get(n);
    List found = places(text, part);
    if (found.isEmpty()) return false;
    begins.add(found);
    List ends = new ArrayList();
    for (int k = 0; k < found.size(); k++) ends.add((int) found.get(k) + part.length());
    chains.put(1L << n, ends);
  }}
  for (int step = 1; step < count; step++) {{
    Map longer = new HashMap();
    for (def chain : chains.entrySet()) {{
      long mask = chain.getKey();
      for (int n = 0; n < count; n++) {{
        if ((mask & (1L << n)) != 0L) continue;
        String part = parts.get(n);
        List found = followed(text, chain.getValue(), begins.get(n), part.length(), distance);
        if (found.isEmpty()) continue;
        long both = mask | (1L << n);
        if (longer.containsKey(both)) {{
          Set all = new TreeSet(); all.addAll(longer.get(both));
          all.addAll(found);
          longer.put(both, new ArrayList(all));
        }} else longer.put(both, found);
      }}
    }}
    chains = longer;
    if (chains.isEmpty()) return false;
  }}
  return true;
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
int stands(String text, String tail, boolean number) {{
  int best = 0;
  int at = text.indexOf(tail);
  while (at >= 0) {{
    if (!digit(text, at + tail.length())) {{
      if (!(number && digit(text, at - 1))) return 2;
      best = 1;
    }}
    at = text.indexOf(tail, at + 1);
  }}
  return best;
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
  String[] joined = parts[{_JOINED}].splitOnToken({_FRAGMENTS});
  for (int k = 0; k < joined.length; k++)
    best = (int) Math.max(best, stands(joined[k], params.tail, params.number));
}}
return params.bonus * best;
"""

_PROXIMITY = f"""
double best = 0;
int place = 0;
if (doc['said'].size() == 0) return best;
String[] passages = {_SAID}.splitOnToken({_PASSAGES});
for (int n = 0; n < passages.length; n++) {{
  String[] parts = passages[n].splitOnToken({_PARTS});
  if (parts.length == 1 || parts[{_HEAD}].indexOf('f') > 0) continue;
  String text = parts[{_TEXT}];
  double weight = 0;
  for (int k = 0; k < params.words.length; k++)
    if (text.indexOf(params.words[k]) >= 0) weight += params.idf[k];
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
