#include "tests/portal/server.h"

namespace portal {
namespace {

const char* const head = R"(<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Supervisor Tools (demo)</title><link rel="icon" href="data:,"><style>
:root{color-scheme:light dark;--ink:#1c2733;--soft:#5d6b7a;--paper:#f5f7f9;--card:#fff;--line:#dde3e9;
--good:#1f9d63;--bad:#d0453a;--accent:#2f6fd0}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#93a1af;--paper:#12181f;--card:#1b232c;
--line:#2c3742;--accent:#6ea3f0}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
 font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem}header{display:flex;gap:1rem;align-items:baseline;
 flex-wrap:wrap}
h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:0 0 .6rem}.soft{color:var(--soft);font-weight:400}
p{margin:0 0 .6rem}.grow{flex:1 0 auto}.who{display:flex;gap:1rem}
.demo{background:#f2b84b;color:#332200;border-radius:.3rem;padding:0 .5rem;font-size:.85rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.2rem;
 margin-top:1rem}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft);font-size:.85rem}
th,td{text-align:right;padding:.4rem .3rem;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}th:last-child,td:last-child{padding-right:0}
tr+tr td{border-top:1px solid var(--line)}
.bar{display:inline-block;height:.6rem;border-radius:.3rem;background:var(--accent);vertical-align:middle;
 margin-right:.5rem}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.8rem;margin:0}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums}
.dot{display:inline-block;width:.65rem;height:.65rem;border-radius:50%;background:var(--soft);
 margin-right:.4rem}
.healthy{background:var(--good)}.failing,.hung,.gone{background:var(--bad)}
button,input{font:inherit;color:inherit;padding:.3rem .8rem;border:1px solid var(--line);
 border-radius:.4rem;background:var(--paper)}
button{cursor:pointer}button:hover{border-color:var(--accent)}.row{display:flex;gap:.5rem;
 align-items:center;flex-wrap:wrap;padding:.3rem 0}
a{color:var(--accent)}</style></head><body><main>
<header><h1>Supervisor Tools</h1><span class="demo">demo stand-in, made-up calls</span>
<span class="grow"></span>)";

const char* const login =
    R"(</header><section><h2>Log in</h2><p class="soft">Any name will do: this is a demo.</p>
<form method="post" action="/login" class="row"><input name="user" value="supervisor" aria-label="name"
 autofocus>
<button>Log in</button></form></section></main></body></html>)";

const char* const body = R"(<section><h2>Queues <span class="soft" id="link">connecting</span></h2>
<table><thead><tr>
<th>queue</th><th>waiting</th><th>talking</th><th>longest wait</th></tr></thead>
<tbody id="queues"></tbody></table>
</section><section><h2>What Holdfast hides</h2><dl>
<div><dt>answered by</dt><dd id="instance">&hellip;</dd></div>
<div><dt>page requests</dt><dd id="asked">0</dd></div>
<div><dt>of them failed</dt><dd id="failed">0</dd></div>
<div><dt>the slowest took</dt><dd><span id="slowest">0</span> ms</dd></div>
<div><dt>changes executed</dt><dd id="executed">0</dd></div>
<div><dt>POSTs done twice</dt><dd id="twice">0</dd></div></dl></section>
<section><h2>Break an instance</h2><p class="soft">The buttons go to each instance's own port,
past Holdfast. The demo starts a killed one again after a few seconds.</p>
<div id="peers"></div></section><section id="sql" hidden><h2>The database
<span class="soft">two stand-ins for SQL Server, over one SQLite file</span></h2>
<p class="soft">Not SQL Server: <code>tests/sqlnode</code> speaks its protocol. Both instances keep their
data in it, through Holdfast. A stand-in for the cluster makes the other node primary when one dies or
hangs.</p><div id="nodes"></div>
<div class="row"><button id="switch">planned failover: pause, change roles, resume</button>
<span class="soft" id="said"></span></div><dl>
<div><dt>changes acknowledged to callers</dt><dd id="acknowledged">&hellip;</dd></div>
<div><dt>of them not stored</dt><dd id="lost">&hellip;</dd></div>
<div><dt>POSTs stored twice</dt><dd id="stored_twice">&hellip;</dd></div>
<div><dt>changes stored</dt><dd id="stored">&hellip;</dd></div></dl>
<p class="soft">Stored last: <span id="last">&hellip;</span></p></section></main>
<script>
const $=id=>document.getElementById(id),text=(id,v)=>$(id).textContent=v;
function row(q){const tr=document.createElement('tr');
 const cells=[q.name,q.waiting,q.talking,
 q.longest+' s'];
 cells.forEach((c,i)=>{const td=document.createElement('td');if(i===1){
 const b=document.createElement('span');b.className='bar';
 b.style.width=q.waiting*.3+'rem';td.append(b)}td.append(c);tr.append(td)});return tr}
function show(d){$('queues').replaceChildren(...d.queues.map(row));text('link','live from '+d.instance);
 text('executed',d.executed);text('twice',d.posts_twice)}
// A hung instance keeps its connections: silence is the only sign of it, so the page watches for that.
let pause=100,ws,heard;function connect(){heard=performance.now();
 ws=new WebSocket((location.protocol==='https:'?'wss://':'ws://')+location.host+'/live');
 ws.onmessage=e=>{pause=100;heard=performance.now();show(JSON.parse(e.data))};
 ws.onclose=()=>{text('link','reconnecting');setTimeout(connect,pause);pause=Math.min(2000,pause*2)}}
 connect();
setInterval(()=>{if(ws.readyState>1||performance.now()-heard<3000)return;
 ws.onclose=ws.onmessage=null;ws.close();text('link','silent, reconnecting');connect()},500);
let asked=0,failed=0,slowest=0,n=0,active='';async function ask(){const at=performance.now();asked++;
 try{const r=await fetch('/api/ivr/lookup?caller='+n++);const d=await r.json();
  if(r.ok)text('instance',active=d.instance);else failed++}catch{failed++}
 slowest=Math.max(slowest,performance.now()-at);text('asked',asked);text('failed',failed);
 text('slowest',Math.round(slowest))}
setInterval(ask,250);
for(const [name,port] of Object.entries(peers)){const base='http://'+location.hostname+':'+port+'/admin/';
 const div=document.createElement('div');div.className='row';const dot=document.createElement('span');
 dot.className='dot';
 const state=document.createElement('span');state.className='soft grow';div.append(dot,name,' ',state);
 for(const [label,path] of [['kill -9','kill'],['hang','hang'],
  ['fail with 503','fail?status=503'],['heal','heal']]){
  const b=document.createElement('button');b.textContent=label;
  b.onclick=()=>fetch(base+path,{method:'POST'}).catch(()=>{});div.append(b)}
 $('peers').append(div);const look=async()=>{let s='gone';
  try{s=(await(await fetch(base+'state')).json()).state}catch{}
  dot.className='dot '+s;state.textContent=s+(s!=='gone'&&name===active?', active':'')};look();
 setInterval(look,1000)}
if(cluster){const base='http://'+location.hostname+':'+cluster+'/',at={};$('sql').hidden=false;
 const post=async path=>{text('said','');
  try{text('said',(await(await fetch(base+path,{method:'POST'})).json()).said)}
  catch{text('said','the demo does not answer')}};
 $('switch').onclick=()=>post('switch');
 function node(name){const div=document.createElement('div'),dot=document.createElement('span');
  const state=document.createElement('span');div.className='row';state.className='soft grow';
  div.append(dot,name,' ',state);
  for(const [label,path] of [['kill -9','kill'],['freeze','freeze'],['restart','restart']]){
   const b=document.createElement('button');b.textContent=label;b.onclick=()=>post(path+'?node='+name);
   div.append(b)}
  $('nodes').append(div);return at[name]={dot,state}}
 const look=async()=>{try{const d=await(await fetch(base+'state')).json();
  for(const n of d.nodes){const e=at[n.name]||node(n.name);
   e.dot.className='dot '+({up:'healthy',frozen:'hung'}[n.state]||n.state);
   e.state.textContent=n.state+(n.role?', '+n.role:'')}
  for(const k of ['acknowledged','lost','stored_twice','stored'])text(k,d[k]);
  text('last',d.last.join(', '))}catch{}};
 look();setInterval(look,500)}
</script></body></html>)";

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

}  // namespace

std::string page(Portal& portal, const std::string& user) {
  if (user.empty()) return std::string(head) + login;
  std::string peers;
  for (const std::string& peer : portal.options.peers) {
    const std::size_t equals = peer.find('=');
    if (equals == peer.npos) continue;
    peers += (peers.empty() ? "" : ",") + json(peer.substr(0, equals)) + ":" + json(peer.substr(equals + 1));
  }
  const std::string cluster = std::to_string(portal.options.cluster_port);
  return std::string(head) + "<span class=\"who\"><span class=\"soft\">" + escape(user) +
         "</span><a href=\"/logout\">Log out</a></span></header><script>const peers={" + peers +
         "},cluster=" + cluster + "</script>" + body;
}

}  // namespace portal
