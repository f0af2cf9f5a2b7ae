"""Pages as dcgm-exporter, node_exporter and a run on GPUs have them, served on loopback: for dashboards on a machine without any of them.

    with FakeExporters({"run": "first", "cluster": "test"}) as exporters:
        exporters.jobs()        # for scrape_configs of Prometheus
"""
import http.server
import threading

DCGM_LABELS = 'gpu="{gpu}",UUID="GPU-{gpu}",device="nvidia{gpu}",modelName="NVIDIA H100 80GB HBM3",Hostname="node1"'
DCGM = {"DCGM_FI_DEV_GPU_UTIL": 96, "DCGM_FI_DEV_FB_USED": 41000, "DCGM_FI_DEV_POWER_USAGE": 612.5, "DCGM_FI_DEV_GPU_TEMP": 61, "DCGM_FI_DEV_SM_CLOCK": 1755,
        "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": 2, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.47}
XID = 'DCGM_FI_DEV_XID_ERRORS{{' + DCGM_LABELS + ',err_code="{code}",err_msg="as the driver says"}} {code}'  # err_code: since 3.3.6
RUN_ON_GPUS = {"catamaran_gpu_memory_used_bytes": 42e9, "catamaran_gpu_memory_total_bytes": 85e9, "catamaran_gpu_utilization_ratio": 0.96, "catamaran_gpu_temperature_celsius": 61,
               "catamaran_gpu_power_watts": 612.5, "catamaran_gpu_ecc_errors_total": 0}
NODE = """node_cpu_seconds_total{cpu="0",mode="idle"} 1000
node_cpu_seconds_total{cpu="0",mode="user"} 2000
node_memory_MemAvailable_bytes 6e10
node_network_receive_bytes_total{device="eth0"} 1e9
node_network_transmit_bytes_total{device="eth0"} 2e9
catamaran_final_info{run="earlier",state="finish",reason="done",cause="all steps are done"} 1
catamaran_final_exit_code{run="earlier"} 0
catamaran_final_timestamp_seconds{run="earlier"} 1.7e9
catamaran_final_step{run="earlier"} 1000
catamaran_final_epoch{run="earlier"} 9
catamaran_final_progress_ratio{run="earlier"} 1
catamaran_final_loss{run="earlier"} 0.05
catamaran_final_best_map_ratio{run="earlier"} 0.8
"""


class PageServer:
    """pages: {"/path": what makes its text}; on a port of 127.0.0.1 that the kernel picks."""

    def __init__(self, pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path)
                body = page().encode() if page else b""
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class FakeExporters(PageServer):
    def __init__(self, labels_of_run):
        super().__init__({"/dcgm": self.dcgm, "/gpus": self.gpus, "/node": lambda: NODE})
        self.labels = labels_of_run
        self.xid = {0: 0, 1: 0}  # of GPU 0 and 1: a test may change them

    def dcgm(self):
        lines = [f"{name}{{{DCGM_LABELS.format(gpu=gpu)}}} {value}" for name, value in DCGM.items() for gpu in self.xid]
        return "\n".join([*lines, *(XID.format(gpu=gpu, code=code) for gpu, code in self.xid.items())]) + "\n"

    def gpus(self):
        lines = [f'catamaran_gpu_info{{rank="{gpu}",gpu_uuid="GPU-{gpu}",host="node1"}} 1' for gpu in self.xid]
        return "\n".join([*lines, *(f'{name}{{rank="{gpu}"}} {value}' for name, value in RUN_ON_GPUS.items() for gpu in self.xid)]) + "\n"

    def jobs(self):
        host = [{"target_label": "host", "replacement": "node1"}]
        return [{"job_name": "dcgm", "metrics_path": "/dcgm", "static_configs": [{"targets": [self.address]}], "relabel_configs": host},
                {"job_name": "node", "metrics_path": "/node", "static_configs": [{"targets": [self.address]}], "relabel_configs": host},
                {"job_name": "gpus-of-a-run", "metrics_path": "/gpus", "static_configs": [{"targets": [self.address], "labels": self.labels}]}]
