"""Runs a Python service's tests with coverage and reports on descriptor 3, each line signed with the key of descriptor 4.

Called with the path of a JSON file: runner ("pytest" or "unittest"), top, root, tests, sources (absolute paths).
"""

import ast
import functools
import hashlib
import hmac
import importlib.util
import inspect
import json
import os
import sys
import unittest


def open_channel():
    with os.fdopen(4, "rb") as source:
        key = source.read()
    os.set_inheritable(3, False)
    sent = 0

    def send(message):
        nonlocal sent
        text = json.dumps(message)
        signature = hmac.new(key, f"{sent} {text}".encode(), hashlib.sha256).hexdigest()
        line = f"{sent} {signature} {text}\n".encode()
        while line:
            line = line[os.write(3, line):]
        sent += 1

    return send


def main():
    send = open_channel()
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    sys.argv = [plan["runner"]]
    sys.dont_write_bytecode = True
    # Imported before the service's folder can be searched, or its own coverage.py or pytest.py would stand in their place.
    import coverage

    if plan["runner"] == "pytest":
        import pytest  # noqa: F401
    sys.path[0] = plan["root"]
    run = {"pytest": run_pytest, "unittest": run_unittest}[plan["runner"]]
    # No settings file: what is left out of coverage is not for the tested to say.
    measured = coverage.Coverage(data_file=None, config_file=False, source=[plan["top"]])
    # Taken now: the tests may put something else in its place.
    analyse = measured.analysis2
    code = run(plan, send, measured)
    for path in sorted(set(plan["sources"]) | loaded(measured, plan)):
        send({"type": "coverage", "file": path, **lines_of(analyse, path)})
    send({"type": "end"})
    return code


def loaded(measured, plan):
    top = plan["top"] + os.sep
    return {path for path in measured.get_data().measured_files() if path.startswith(top)} - set(plan["tests"])


def lines_of(analyse, path):
    try:
        _, statements, excluded, missing, _ = analyse(path)
        crammed = crammed_statements(path)
        return {
            "covered": len(statements) - len(missing),
            "total": len(statements) + crammed,
            "excluded": len(excluded),
        }
    except Exception:
        # Not Python that this interpreter can read: nothing of it ran.
        with open(path, "rb") as file:
            return {"covered": 0, "total": sum(1 for line in file if line.strip()), "excluded": 0}


def crammed_statements(path):
    """Statements on the line of the def, if or class that holds them: whether they ran, no count of lines can say."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    blocks = [node for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list) and hasattr(node, "lineno")]
    return sum(len(node.body) for node in blocks if len(node.body) > 1 and node.body[-1].lineno == node.lineno)


def run_pytest(plan, send, measured):
    import pytest

    outcomes = {}
    collected = {}
    raised = {}

    class Recorder:
        def pytest_configure(self, config):
            # A service may name its tests as it likes; that it may not leave out what pytest takes for tests.
            for setting, names in selection.items():
                for name in names:
                    if name not in config.getini(setting):
                        config.addinivalue_line(setting, name)

        def pytest_itemcollected(self, item):
            collected[item.nodeid] = item
            # Only plain functions: what is awaited or driven by a plugin says nothing when it is called.
            function = getattr(item, "obj", None)
            if type(item) is pytest.Function and inspect.isroutine(function) and not awaited(function):
                item.obj = watched(item.nodeid, function)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            # A plugin may run a flaky test again, from its setup on: the last time counts.
            if call.when == "setup":
                raised.pop(item.nodeid, None)
            if call.excinfo is not None:
                note(item.nodeid, call.excinfo.value)
            yield

        def pytest_runtest_logreport(self, report):
            seen = outcomes.setdefault(report.nodeid, {"status": "passed", "message": None})
            if report.failed:
                seen.update(status="failed", message=str(report.longrepr)[:4000])
            elif report.skipped and seen["status"] == "passed":
                seen.update(status="skipped")

        def pytest_runtest_logfinish(self, nodeid):
            file, _, name = nodeid.partition("::")
            seen = outcomes.pop(nodeid, {"status": "failed", "message": "it gave no result"})
            collected.pop(nodeid, None)
            error = raised.pop(nodeid, None)
            if error is not None and seen["status"] == "passed":
                seen.update(status="failed", message=f"it raised {error}, and a hook of the service reported it as passed")
            send({"type": "test", "file": file, "name": name.replace("::", " > "), **seen})

        def pytest_collectreport(self, report):
            if report.failed:
                name = {"file": report.nodeid, "name": report.nodeid, "wholeFile": True}
                send({"type": "test", "status": "failed", "message": str(report.longrepr)[:4000], **name})
            elif report.skipped:
                send({"type": "test", "status": "skipped", "file": report.nodeid, "name": report.nodeid, "wholeFile": True})

        def pytest_deselected(self, items):
            for item in items:
                collected.pop(item.nodeid, None)
                file, _, name = item.nodeid.partition("::")
                send({"type": "test", "status": "skipped", "file": file, "name": name.replace("::", " > ")})

    # An xfail that fails is told as skipped, and so is a skip from within: neither is a failure that was hidden.
    quiet = (pytest.skip.Exception, pytest.xfail.Exception)

    def note(nodeid, error):
        if not isinstance(error, quiet):
            raised.setdefault(nodeid, f"{type(error).__name__}: {error}"[:1000])

    def awaited(function):
        kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
        return any(kind(function) for kind in kinds)

    def watched(nodeid, function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                note(nodeid, error)
                raise

        return call

    # addopts is the service's own way to choose, skip and measure tests; here it has no say.
    arguments = ["-p", "no:cacheprovider", "-o", "addopts=", "-q", "--tb=short", "--rootdir", plan["top"]]
    measured.start()
    try:
        return int(pytest.main([*arguments, *plan["tests"]], plugins=[Recorder()]))
    finally:
        measured.stop()
        # Collected, and neither run nor deselected: a hook took it out of the list.
        for nodeid in collected:
            file, _, name = nodeid.partition("::")
            send({"type": "test", "status": "skipped", "file": file, "name": name.replace("::", " > ")})


# What pytest itself takes for tests.
selection = {"python_functions": ["test"], "python_classes": ["Test"]}


def run_unittest(plan, send, measured):
    class Recorder(unittest.TextTestResult):
        def tell(self, test, status, message=None):
            # A module that cannot be loaded becomes a test of that name.
            file = os.path.relpath(getattr(sys.modules.get(type(test).__module__), "__file__", None) or "", plan["top"])
            case = test.id().rpartition(".")[2]
            name = f"{type(test).__qualname__} > {case}"
            send({"type": "test", "file": file, "name": name, "status": status, "message": message})

        def addSuccess(self, test):
            super().addSuccess(test)
            self.tell(test, "passed")

        def addError(self, test, err):
            super().addError(test, err)
            self.tell(test, "failed", self._exc_info_to_string(err, test)[:4000])

        def addFailure(self, test, err):
            super().addFailure(test, err)
            self.tell(test, "failed", self._exc_info_to_string(err, test)[:4000])

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                self.tell(test, "failed", self._exc_info_to_string(err, test)[:4000])

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self.tell(test, "skipped")

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            self.tell(test, "skipped")

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            self.tell(test, "failed", "it was expected to fail, and passed")

    measured.start()
    try:
        suite = unittest.TestSuite()
        for number, path in enumerate(plan["tests"]):
            load_file(suite, unittest.defaultTestLoader, path, number, plan, send)
        result = unittest.TextTestRunner(resultclass=Recorder, verbosity=2).run(suite)
        return 0 if result.wasSuccessful() else 1
    finally:
        measured.stop()


def load_file(suite, loader, path, number, plan, send):
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        name = f"steward_test_{number}_{os.path.basename(path)[:-3]}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        suite.addTests(loader.loadTestsFromModule(module))
    except Exception as error:
        file = os.path.relpath(path, plan["top"])
        message = f"{type(error).__name__}: {error}"
        print(f"{file}: {message}", file=sys.stderr)
        send({"type": "test", "file": file, "name": file, "status": "failed", "message": message, "wholeFile": True})


if __name__ == "__main__":
    sys.exit(main())
