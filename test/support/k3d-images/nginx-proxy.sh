#!/bin/bash
# Stands in for the entrypoint of k3d's load balancer, without confd: nginx with the streams that
# /etc/confd/values.yaml asks for, and again when it changes.
set -eu
values=/etc/confd/values.yaml

configure() {
  awk '
    function close_upstream() { if (name != "") print "  }"; name = "" }
    BEGIN {
      print "user root;\nerror_log stderr notice;\nload_module /usr/lib/nginx/modules/ngx_stream_module.so;"
      print "events { worker_connections 1024; }\nstream {"
    }
    /^[^ ]/ { section = $1; if (section != "ports:") close_upstream() }
    section == "ports:" && /^ +"?[0-9]+\.(tcp|udp)"?:/ {
      close_upstream()
      gsub(/[ ":]/, ""); split($0, part, "."); port = part[1]
      name = "port_" port "_" part[2]
      print "  server { listen " port (part[2] == "udp" ? " udp" : "") "; proxy_pass " name "; proxy_timeout 600; proxy_connect_timeout 2s; }"
      print "  upstream " name " {"
    }
    section == "ports:" && /^ *- / { print "    server " $2 ":" port " max_fails=1 fail_timeout=10s;" }
    END { close_upstream(); print "}" }
  ' "$values" >/etc/nginx/nginx.conf
}

mkdir -p /etc/nginx /var/log/nginx /var/lib/nginx
configure
seen=$(cksum <"$values")
nginx -t
(
  while sleep 1; do
    now=$(cksum <"$values")
    [ "$now" = "$seen" ] || { configure && nginx -s reload; }
    seen=$now
  done
) &
exec nginx -g 'daemon off;'
