"""What MLflow's client does in a job, with Python alone: all that it knows stands in MLFLOW_*."""
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

server = os.environ["MLFLOW_TRACKING_URI"]
run = os.environ["MLFLOW_RUN_ID"]
token = os.environ["MLFLOW_TRACKING_TOKEN"]


def call(method, path, body=None, query=None, data=None):
    target = server + path + ("?" + urllib.parse.urlencode(query) if query else "")
    data = data if data is not None else json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    request = urllib.request.Request(target, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(*arguments, **named):
    try:
        call(*arguments, **named)
    except urllib.error.HTTPError as error:
        code = json.load(error)["error_code"]
        assert (error.code, code) == (403, "PERMISSION_DENIED"), (error.code, code)
        return
    raise AssertionError("this had to be refused")


api = "/api/2.0/mlflow"
experiment = call("GET", api + "/experiments/get-by-name",
                  query={"experiment_name": os.environ["MLFLOW_EXPERIMENT_NAME"]})["experiment"]
found = call("GET", api + "/runs/get", query={"run_id": run, "run_uuid": run})["run"]
assert found["info"]["experiment_id"] == experiment["experiment_id"]
call("POST", api + "/runs/update", {"run_id": run, "status": "RUNNING"})
call("POST", api + "/runs/log-parameter", {"run_id": run, "key": "lr", "value": "0.1"})
for step in range(5):
    call("POST", api + "/runs/log-metric",
         {"run_id": run, "key": "loss", "value": 1 / (1 + step), "timestamp": 1, "step": step})
call("POST", api + "/runs/set-tag", {"run_id": run, "key": "kind", "value": "script"})
place = f"/api/2.0/mlflow-artifacts/artifacts/{experiment['experiment_id']}/{run}/artifacts"
call("PUT", place + "/out/model.bin", data=b"w" * (3 << 20))
assert [file["path"] for file in call("GET", api + "/artifacts/list", query={"run_id": run})["files"]] == ["out"]

child = call("POST", api + "/runs/create", {"run_name": "fold"})["run"]
assert {"key": "mlflow.parentRunId", "value": run} in child["data"]["tags"]
call("POST", api + "/runs/log-batch", {"run_id": child["info"]["run_id"], "tags": [{"key": "fold", "value": "0"}],
     "metrics": [{"key": "acc", "value": 0.5, "timestamp": 1, "step": 0}]})

foreign = sys.argv[1]
refused("GET", api + "/runs/get", query={"run_id": foreign})
refused("POST", api + "/runs/log-metric", {"run_id": foreign, "key": "a", "value": 1, "timestamp": 1})
refused("POST", api + "/runs/log-parameter", {"run_id": foreign, "key": "a", "value": "1"})
refused("POST", api + "/runs/update", {"run_id": foreign, "status": "FAILED"})
refused("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{foreign}/artifacts/x", data=b"x")
refused("POST", api + "/runs/create", {"tags": [{"key": "mlflow.parentRunId", "value": foreign}]})
refused("POST", api + "/experiments/create", {"name": "mine"})
refused("POST", api + "/registered-models/create", {"name": "mine"})
refused("GET", api + "/experiments/get", query={"experiment_id": "0"})

call("POST", api + "/runs/update", {"run_id": run, "status": "FINISHED", "end_time": 1700000000000})
