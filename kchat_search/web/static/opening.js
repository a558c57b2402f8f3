// This page stands in for the one that another site's link asks for. It opens that one, as a request
// of our own. A browser does not load an address again that differs only after «#», so the address
// bar shows another one in between.
"use strict";

const wanted = location.href;
history.replaceState(null, "", "/opening");
location.replace(wanted);
