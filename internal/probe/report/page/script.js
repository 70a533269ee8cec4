"use strict";
(function () {
  var each = function (what, within, act) {
    Array.prototype.forEach.call((within || document).querySelectorAll(what), act);
  };
  each(".js-only", null, function (e) { e.hidden = false; });

  // Links to messages show them in a panel; without a script they lead to where
  // the messages stand.
  var panel = document.getElementById("panel");
  var body = document.getElementById("panel-body");
  var opener = null;
  function show(link) {
    var shown = document.getElementById(link.getAttribute("href").slice(1));
    if (!shown) { return; }
    if (opener) { opener.classList.remove("open"); }
    opener = link;
    opener.classList.add("open");
    var copy = shown.cloneNode(true);
    copy.removeAttribute("id");
    document.getElementById("panel-title").textContent = copy.querySelector("h4").textContent;
    copy.removeChild(copy.querySelector("h4"));
    body.replaceChildren(copy);
    panel.hidden = false;
    document.body.classList.add("with-panel");
    body.scrollTop = 0;
    // The panel must not hide what was asked about.
    var hidden = link.getBoundingClientRect().bottom - panel.getBoundingClientRect().top + 8;
    if (hidden > 0) { window.scrollBy(0, hidden); }
  }
  function close() {
    panel.hidden = true;
    document.body.classList.remove("with-panel");
    if (opener) {
      opener.classList.remove("open");
      opener.focus();
      opener = null;
    }
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) { return; }
    event.preventDefault();
    link.focus();
    show(link);
  });
  document.getElementById("panel-close").addEventListener("click", close);
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && !panel.hidden) { close(); return; }
    var link = document.activeElement && document.activeElement.closest("table.heat a");
    if (!link) { return; }
    var next = neighbour(link, event.key);
    if (!next) { return; }
    event.preventDefault();
    next.focus();
    if (!panel.hidden) { show(next); }
  });

  // neighbour finds the next cell in the direction of an arrow key, past holes.
  function neighbour(link, key) {
    var cell = link.closest("td");
    var down = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
    var right = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
    if (right) {
      var row = Array.prototype.slice.call(cell.parentNode.querySelectorAll("a"));
      return row[row.indexOf(link) + right];
    }
    for (var at = cell.parentNode; down && at;) {
      at = down > 0 ? at.nextElementSibling : at.previousElementSibling;
      var found = at && at.children[cell.cellIndex].querySelector("a");
      if (found) { return found; }
    }
    return null;
  }

  var form = document.querySelector("form.filter");
  if (form) {
    form.addEventListener("input", filter);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
  }
  function filter() {
    var word = form.elements.word.value.toLowerCase();
    var grade = form.elements.grade.value;
    var aspect = form.elements.aspect.value;
    var command = form.elements.command.value;
    var asked = word || grade || aspect || command;
    var total = 0;
    each("#facts details.group", null, function (group) {
      var found = 0;
      each("tr.fact", group, function (fact) {
        var fits = (!command || group.dataset.command === command) &&
          (!grade || fact.dataset.grade === grade) &&
          (!aspect || fact.dataset.aspect === aspect) &&
          (!word || fact.textContent.toLowerCase().indexOf(word) >= 0);
        fact.hidden = !fits;
        if (fits) { found++; }
      });
      group.hidden = found === 0;
      if (asked) { group.open = found > 0; }
      total += found;
    });
    form.querySelector("output").textContent = total === 1 ? "1 fact" : total + " facts";
  }

  // A drawing that is too wide shows what matters: where a machine begins, where
  // a timer ends.
  each(".drawing", null, function (e) {
    var matters = e.querySelector(".start, .shade");
    if (matters) {
      e.scrollLeft = matters.getBoundingClientRect().left - e.getBoundingClientRect().left - e.clientWidth / 2;
    }
  });

  // Paper cannot be opened.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    each("details[data-print]:not([open])", null, function (e) { e.open = true; opened.push(e); });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (e) { e.open = false; });
    opened = [];
  });
})();
