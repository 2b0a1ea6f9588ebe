"""A Ray cluster of two nodes here: prints its address, loses a node at a line on stdin, ends with stdin."""

import os
import sys

import ray
from ray.cluster_utils import Cluster

if __name__ == "__main__":
    os.environ["RAY_AUTH_MODE"] = "disabled"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(second, allow_graceful=False)
        print("lost", flush=True)
    ray.shutdown()
    cluster.shutdown()
